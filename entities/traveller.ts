import { IsEmail, IsEnum, IsInt, IsObject, IsOptional, Length, Min } from "class-validator";
import {
  Check,
  Column,
  CreateDateColumn,
  Entity,
  Index,
  ManyToOne,
  OneToMany,
  OneToOne,
  PrimaryGeneratedColumn,
  Relation,
  UpdateDateColumn,
  VersionColumn,
} from "typeorm";
import { Passport } from "./passport";
import { Rating } from "./rating";
import { Trip } from "./trip";

export enum TravellerStatus {
  Active = "active",
  Suspended = "suspended",
  Closed = "closed",
}

export interface TravellerPreferences {
  currency?: string;
  languages?: string[];
  newsletter?: boolean;
}

/** Someone with an account: books trips from a balance, rates cities, may have been invited by another traveller. */
@Entity("travellers")
@Check("travellers_balance_not_negative", `"balance" >= 0`)
export class Traveller {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column({ unique: true })
  @IsEmail()
  email!: string;

  @Column()
  @Length(1, 100)
  name!: string;

  @Column("simple-enum", { enum: TravellerStatus, default: TravellerStatus.Active })
  @IsOptional()
  @IsEnum(TravellerStatus)
  status!: TravellerStatus;

  /** In cents, so that sums are exact. */
  @Column("integer", { default: 0 })
  @IsOptional()
  @IsInt()
  @Min(0)
  balance!: number;

  @Column("simple-json", { default: "{}" })
  @IsOptional()
  @IsObject()
  preferences!: TravellerPreferences;

  @CreateDateColumn()
  createdAt!: Date;

  @UpdateDateColumn()
  updatedAt!: Date;

  /** Counted up by every `save()` that changes something. */
  @VersionColumn()
  version!: number;

  @Index()
  @ManyToOne(
    () => Traveller,
    (traveller) => traveller.invited,
    { nullable: true, onDelete: "SET NULL" },
  )
  invitedBy!: Relation<Traveller> | null;

  @OneToMany(
    () => Traveller,
    (traveller) => traveller.invitedBy,
  )
  invited!: Relation<Traveller[]>;

  @OneToOne(
    () => Passport,
    (passport) => passport.traveller,
    { cascade: true },
  )
  passport!: Relation<Passport> | null;

  @OneToMany(
    () => Trip,
    (trip) => trip.traveller,
  )
  trips!: Relation<Trip[]>;

  @OneToMany(
    () => Rating,
    (rating) => rating.traveller,
  )
  ratings!: Relation<Rating[]>;
}
