import { IsDate, IsInt, IsOptional, Length, Min } from "class-validator";
import {
  Check,
  Column,
  CreateDateColumn,
  DeleteDateColumn,
  Entity,
  Index,
  JoinTable,
  ManyToMany,
  ManyToOne,
  PrimaryGeneratedColumn,
  Relation,
} from "typeorm";
import { calendarDate } from "./calendar-date";
import { City } from "./city";
import { Tag } from "./tag";
import { Traveller } from "./traveller";

/** A booked trip through some cities. Cancelling it is a soft delete; deleting the traveller is not. */
@Entity("trips")
@Index(["traveller", "departsOn"])
@Check("trips_cost_not_negative", `"cost" >= 0`)
export class Trip {
  @PrimaryGeneratedColumn("uuid")
  id!: string;

  @Column()
  @Length(1, 200)
  title!: string;

  @Column("date", { transformer: calendarDate })
  @IsDate()
  departsOn!: Date;

  /** In cents. */
  @Column("integer", { default: 0 })
  @IsOptional()
  @IsInt()
  @Min(0)
  cost!: number;

  @CreateDateColumn()
  bookedAt!: Date;

  @DeleteDateColumn()
  cancelledAt!: Date | null;

  @ManyToOne(
    () => Traveller,
    (traveller) => traveller.trips,
    { nullable: false, onDelete: "CASCADE" },
  )
  traveller!: Relation<Traveller>;

  @ManyToMany(() => City)
  @JoinTable({ name: "trip_stops", joinColumn: { name: "tripId" }, inverseJoinColumn: { name: "cityId" } })
  stops!: Relation<City[]>;

  @ManyToMany(
    () => Tag,
    (tag) => tag.trips,
    { cascade: ["insert"] },
  )
  @JoinTable({ name: "trip_tags", joinColumn: { name: "tripId" }, inverseJoinColumn: { name: "tagId" } })
  tags!: Relation<Tag[]>;
}
