import { DataSource, ViewColumn, ViewEntity } from "typeorm";
import { City } from "./city";
import { Country } from "./country";

/** Every country with the number of its cities and of the people in them; zeros where no city is known. */
@ViewEntity({
  name: "country_statistics",
  expression: (dataSource: DataSource) =>
    dataSource
      .createQueryBuilder()
      .select("country.iso2", "iso2")
      .addSelect("country.name", "name")
      .addSelect("COUNT(city.id)", "cityCount")
      .addSelect("COALESCE(SUM(city.population), 0)", "totalPopulation")
      .from(Country, "country")
      .leftJoin(City, "city", "city.country = country.iso2")
      .groupBy("country.iso2"),
})
export class CountryStatistics {
  @ViewColumn()
  iso2!: string;

  @ViewColumn()
  name!: string;

  @ViewColumn()
  cityCount!: number;

  @ViewColumn()
  totalPopulation!: number;
}
