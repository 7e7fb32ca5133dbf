import { randomInt } from "node:crypto";
import { Session, SqliteDatabase } from "typeorm-sqlite-database";
import { CountryStatistics, Traveller, Trip } from "../../entities";
import { cityRows } from "./data";
import { check, count, expect, line } from "./report";
import { book, FUNDS } from "./sessions";

const BOOKINGS = 200;
const READERS = 4;
const POPULATION = cityRows.reduce((sum, city) => sum + city.population, 0);

/** Many sessions read, change and write the same row at once, while others add everything up. */
export async function bookConcurrently(database: SqliteDatabase, ada: Traveller): Promise<void> {
  let booking = true;
  const costs = Array.from({ length: BOOKINGS }, () => randomInt(100, 5000));
  const bookings = Promise.all(
    costs.map((cost) => database.session((session) => book(session, ada.id, cost), { label: "booking" })),
  ).finally(() => {
    booking = false;
  });
  const held = audit(database, ada.id, bookings);
  const audits = Array.from({ length: READERS }, async () => {
    const seen: number[] = [];
    do seen.push(await audit(database, ada.id));
    while (booking);
    return seen;
  });

  const [early, seen] = await Promise.all([held, Promise.all(audits), bookings]);
  const spent = costs.reduce((sum, cost) => sum + cost, 0);
  const { balance, version } = await database.getRepository(Traveller).findOneByOrFail({ id: ada.id });
  check(
    balance === FUNDS - spent && version === ada.version + BOOKINGS,
    `${BOOKINGS} concurrent bookings: ${count(FUNDS)} - ${count(spent)} = ${count(balance)}, none lost`,
  );
  const trips = await database.getRepository(Trip).count();
  check(early < trips, `a snapshot of ${early} of the ${trips} trips stood still until all were booked`);
  const snapshots = seen.flat();
  line(
    `${snapshots.length} more saw from ${Math.min(...snapshots)} to ${Math.max(...snapshots)} trips, each one consistent`,
  );
}

/**
 * Reads the account, then the statistics, then the account again, all in one snapshot: every sum is right and nothing
 * moves, whatever is committed `meanwhile`. Returns the number of trips in the snapshot.
 */
function audit(database: SqliteDatabase, travellerId: number, meanwhile?: Promise<unknown>): Promise<number> {
  return database.session(
    async (session) => {
      const first = await readAccount(session, travellerId);
      const statistics = await session.getRepository(CountryStatistics).find();
      await meanwhile;
      const second = await readAccount(session, travellerId);

      const population = statistics.reduce((sum, country) => sum + country.totalPopulation, 0);
      expect(population === POPULATION, `the statistics add up to ${population}`);
      expect(first.balance + first.spent === FUNDS, `the account adds up: ${first.balance} + ${first.spent}`);
      expect(second.trips === first.trips, `a snapshot of ${first.trips} trips still has them`);
      return first.trips;
    },
    { readonly: true, label: "audit" },
  );
}

/** Three statements, which agree only where they see the same state of the database. */
async function readAccount(session: Session, travellerId: number) {
  const { balance } = await session.getRepository(Traveller).findOneByOrFail({ id: travellerId });
  const trips = session.getRepository(Trip);
  const spent = (await trips.sum("cost", { traveller: { id: travellerId } })) ?? 0;
  return { balance, spent, trips: await trips.countBy({ traveller: { id: travellerId } }) };
}
