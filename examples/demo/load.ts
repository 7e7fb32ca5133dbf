import { SqliteDatabase } from "typeorm-sqlite-database";
import { City, Country, FeatureCode } from "../../entities";
import { cityRows, countryRows } from "./data";
import { check, count, Progress } from "./report";

const CHUNK = 500;

/** Loads the whole data set in one session: either all of it is there afterwards, or nothing. */
export async function load(database: SqliteDatabase): Promise<void> {
  const progress = new Progress(cityRows.length);
  const capitals = await database.session(
    async (session) => {
      await session.manager.insert(Country, countryRows);
      for (let start = 0; start < cityRows.length; start += CHUNK) {
        const chunk = cityRows.slice(start, start + CHUNK);
        await session.manager.insert(City, chunk);
        progress.advance(chunk.length);
      }
      return session.exec(
        `UPDATE countries SET capitalId = cities.id FROM cities
          WHERE cities.country = countries.iso2 AND cities.featureCode = :capital`,
        { capital: FeatureCode.Capital },
      );
    },
    { label: "load" },
  );

  const cities = await database.getRepository(City).count();
  const countries = await database.getRepository(Country).count();
  check(
    cities === cityRows.length && countries === countryRows.length,
    `${count(cities)} cities in ${count(countries)} countries are stored`,
  );
  const known = cityRows.filter((city) => city.featureCode === FeatureCode.Capital).length;
  check(capitals.changes === known, `${count(capitals.changes)} countries have found their capital`);
}
