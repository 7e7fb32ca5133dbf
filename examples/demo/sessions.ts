import { Session, SqliteDatabase } from "typeorm-sqlite-database";
import { City, Traveller, Trip } from "../../entities";
import { check, line } from "./report";

/** What the traveller starts with, in cents. */
export const FUNDS = 1_000_000;

/** One session that commits: a traveller, her passport and her first trip appear together. */
export async function commit(database: SqliteDatabase): Promise<Traveller> {
  const ada = await database.session(async (session) => {
    const stops = await session.getRepository(City).find({ order: { population: "DESC" }, take: 3 });
    const traveller = await session.getRepository(Traveller).save({
      email: "ada@example.org",
      name: "Ada",
      balance: FUNDS,
      preferences: { currency: "EUR", languages: ["en", "fr"] },
      passport: { number: "P1234567", expiresOn: new Date("2035-12-31"), issuedBy: { iso2: "GB" } },
    });
    await session.getRepository(Trip).save({
      title: "The three largest cities",
      departsOn: new Date("2027-03-01"),
      traveller,
      stops,
      tags: [{ name: "cities" }, { name: "long" }],
    });
    return traveller;
  });

  const trip = await database.getRepository(Trip).findOneOrFail({
    where: { traveller: { id: ada.id } },
    relations: { traveller: { passport: true }, stops: true, tags: true },
    order: { stops: { population: "DESC" } },
  });
  check(
    trip.stops.length === 3 && trip.tags.length === 2 && trip.traveller.passport !== null,
    `committed: ${trip.traveller.name} goes to ${trip.stops.map((city) => city.name).join(", ")}`,
  );
  return ada;
}

/** One session that fails at its last statement: what it had written before is gone with it. */
export async function rollBack(database: SqliteDatabase, ada: Traveller): Promise<void> {
  const trips = database.getRepository(Trip);
  const before = await trips.count();
  const failure = await database
    .session((session) => book(session, ada.id, FUNDS + 1))
    .then(
      () => undefined,
      (error: unknown) => error,
    );

  check(failure instanceof Error, "a session that overdraws the balance is refused");
  line(`  ${failure.name}: ${failure.message}`);
  const { balance } = await database.getRepository(Traveller).findOneByOrFail({ id: ada.id });
  check(
    balance === FUNDS && (await trips.count()) === before,
    "and has left nothing: no trip, no cent missing",
  );
}

/** Books a trip; the two statements stand or fall together. */
export async function book(session: Session, travellerId: number, cost: number): Promise<void> {
  const travellers = session.getRepository(Traveller);
  const traveller = await travellers.findOneByOrFail({ id: travellerId });
  await session
    .getRepository(Trip)
    .insert({ title: "Weekend", departsOn: new Date("2027-06-05"), cost, traveller });
  traveller.balance -= cost;
  await travellers.save(traveller);
}
