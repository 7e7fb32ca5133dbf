import { Length } from "class-validator";
import { Column, Entity, ManyToMany, PrimaryGeneratedColumn, Relation } from "typeorm";
import { Trip } from "./trip";

/** A word to find trips by. */
@Entity("tags")
export class Tag {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column({ unique: true })
  @Length(1, 50)
  name!: string;

  @ManyToMany(
    () => Trip,
    (trip) => trip.tags,
  )
  trips!: Relation<Trip[]>;
}
