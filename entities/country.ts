import { IsEnum, IsOptional, Length, Matches } from "class-validator";
import { Column, Entity, JoinColumn, OneToMany, OneToOne, PrimaryColumn, Relation, Unique } from "typeorm";
import { City } from "./city";

export enum Continent {
  Africa = "Africa",
  Antarctica = "Antarctica",
  Asia = "Asia",
  Europe = "Europe",
  NorthAmerica = "North America",
  Oceania = "Oceania",
  SouthAmerica = "South America",
}

/** A country or territory with a two-letter code of its own. */
@Entity("countries")
@Unique(["name"])
export class Country {
  /** The two-letter code, as in ISO 3166-1: "FR". */
  @PrimaryColumn({ length: 2 })
  @Matches(/^[A-Z]{2}$/)
  iso2!: string;

  @Column()
  @Length(1, 100)
  name!: string;

  @Column("simple-enum", { enum: Continent, nullable: true })
  @IsOptional()
  @IsEnum(Continent)
  continent!: Continent | null;

  /** Cities belong to countries and capitals are cities: a cycle of foreign keys, so the capital comes later. */
  @OneToOne(() => City, { nullable: true, onDelete: "SET NULL" })
  @JoinColumn()
  capital!: Relation<City> | null;

  @OneToMany(
    () => City,
    (city) => city.country,
  )
  cities!: Relation<City[]>;
}
