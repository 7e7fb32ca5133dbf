import { Column, Entity, PrimaryGeneratedColumn } from "typeorm";

// The types are written out: vitest and tsx do not emit the metadata of decorators.
@Entity("users")
export class User {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column({ type: "text", unique: true })
  username!: string;
}
