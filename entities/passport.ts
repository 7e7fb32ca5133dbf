import { IsDate, IsInstance, IsOptional, Matches } from "class-validator";
import {
  Column,
  Entity,
  JoinColumn,
  ManyToOne,
  OneToOne,
  PrimaryGeneratedColumn,
  Relation,
  Unique,
} from "typeorm";
import { calendarDate } from "./calendar-date";
import { Country } from "./country";
import { Traveller } from "./traveller";

/** A traveller's passport; it goes when the traveller goes. */
@Entity("passports")
@Unique(["issuedBy", "number"])
export class Passport {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column()
  @Matches(/^[A-Z0-9]{5,20}$/)
  number!: string;

  @Column("date", { transformer: calendarDate })
  @IsDate()
  expiresOn!: Date;

  /** A picture of the page with the photograph. Not selected unless asked for. */
  @Column("blob", { nullable: true, select: false })
  @IsOptional()
  @IsInstance(Buffer)
  scan!: Buffer | null;

  @ManyToOne(() => Country, { nullable: false })
  @JoinColumn({ name: "issuedBy" })
  issuedBy!: Relation<Country>;

  @OneToOne(
    () => Traveller,
    (traveller) => traveller.passport,
    { nullable: false, onDelete: "CASCADE" },
  )
  @JoinColumn()
  traveller!: Relation<Traveller>;
}
