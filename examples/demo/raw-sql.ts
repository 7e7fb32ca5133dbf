import { ReadonlyError, SqliteDatabase } from "typeorm-sqlite-database";
import { cityRows } from "./data";
import { check, count, line } from "./report";

/** `exec` with named parameters: a query and an update, checked against the data set itself. */
export async function rawSql(database: SqliteDatabase): Promise<void> {
  const population = 1_000_000;
  const countries = ["DE", "FR", "IT", "JP"];
  const large = await database.exec<{ name: string; country: string; population: number }>(
    `SELECT name, country, population FROM cities
      WHERE population > :population AND country IN (:countries)
      ORDER BY population DESC`,
    { population, countries },
    { readonly: true },
  );
  for (const city of large.rows.slice(0, 3))
    line(`${city.name} (${city.country}): ${count(city.population)}`);
  const expected = cityRows.filter(
    (city) => city.population > population && countries.includes(city.country.iso2),
  );
  check(
    large.rows.length === expected.length,
    `${large.rows.length} cities of over a million in ${countries}`,
  );

  const born = await database.exec(
    "UPDATE cities SET population = population + :born WHERE country IN (:countries)",
    {
      born: 1,
      countries,
    },
  );
  const there = cityRows.filter((city) => countries.includes(city.country.iso2)).length;
  check(born.changes === there, `someone is born in each of their ${count(born.changes)} cities`);

  const refused = await database
    .exec("DELETE FROM cities", {}, { readonly: true })
    .catch((error: unknown) => error);
  check(refused instanceof ReadonlyError, "a DELETE that calls itself readonly is refused");
}
