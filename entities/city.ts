import { IsEnum, IsInt, IsLatitude, IsLongitude, IsOptional, Length, Min } from "class-validator";
import {
  Check,
  Column,
  Entity,
  Index,
  JoinColumn,
  ManyToOne,
  PrimaryGeneratedColumn,
  Relation,
} from "typeorm";
import { Country } from "./country";

/** What kind of populated place it is, by its GeoNames code (https://www.geonames.org/export/codes.html). */
export enum FeatureCode {
  Place = "PPL",
  Capital = "PPLC",
  FormerCapital = "PPLCH",
  SeatOfGovernment = "PPLG",
  SeatOfFirstOrderDivision = "PPLA",
  SeatOfSecondOrderDivision = "PPLA2",
  SeatOfThirdOrderDivision = "PPLA3",
  SeatOfFourthOrderDivision = "PPLA4",
  SeatOfFifthOrderDivision = "PPLA5",
  Section = "PPLX",
  Locality = "PPLL",
  Places = "PPLS",
  FarmVillage = "PPLF",
  ReligiousPlace = "PPLR",
  HistoricalPlace = "PPLH",
  AbandonedPlace = "PPLQ",
  DestroyedPlace = "PPLW",
  IsraeliSettlement = "STLMT",
}

/** A populated place, from a farm village to a capital. */
@Entity("cities")
@Index(["country", "population"])
@Check("cities_population_not_negative", `"population" >= 0`)
export class City {
  @PrimaryGeneratedColumn()
  id!: number;

  /** The identifier in the GeoNames gazetteer; `null` for a city that is not listed there. */
  @Column("integer", { nullable: true, unique: true })
  @IsOptional()
  @IsInt()
  geonameId!: number | null;

  @Column()
  @Length(1, 200)
  name!: string;

  @Column("simple-enum", { enum: FeatureCode, default: FeatureCode.Place })
  @IsOptional()
  @IsEnum(FeatureCode)
  featureCode!: FeatureCode;

  @Column("integer", { default: 0 })
  @IsOptional()
  @IsInt()
  @Min(0)
  population!: number;

  @Column("real")
  @IsLatitude()
  latitude!: number;

  @Column("real")
  @IsLongitude()
  longitude!: number;

  @ManyToOne(
    () => Country,
    (country) => country.cities,
    { nullable: false },
  )
  @JoinColumn({ name: "country" })
  country!: Relation<Country>;
}
