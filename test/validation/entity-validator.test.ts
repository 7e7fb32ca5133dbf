import {
  IsEmail,
  IsInstance,
  IsInt,
  IsNotEmpty,
  IsOptional,
  IsString,
  Length,
  MaxLength,
  Min,
  Validate,
  ValidateNested,
  type ValidationArguments,
  ValidatorConstraint,
  type ValidatorConstraintInterface,
} from "class-validator";
import {
  BeforeInsert,
  BeforeUpdate,
  ChildEntity,
  Column,
  CreateDateColumn,
  Entity,
  EntitySchema,
  ManyToOne,
  OneToMany,
  PrimaryColumn,
  PrimaryGeneratedColumn,
  TableInheritance,
  VersionColumn,
} from "typeorm";
import { SqliteDataSource } from "../../src/driver/sqlite-data-source";
import { DatabaseError, EntityValidationError } from "../../src/errors";
import type { SqliteDatabase } from "../../src/sqlite-database";
import { rejection } from "../support/data-sources";
import { testDatabases } from "../support/databases";
import { rawRead } from "../support/raw-database";

class Geo {
  @Column("integer", { nullable: true })
  @IsOptional()
  @Min(-90)
  latitude?: number | null;
}

class Address {
  @Column({ nullable: true, type: "text" })
  @Length(2, 20)
  city!: string;

  @Column({ nullable: true, type: "text" })
  @IsOptional()
  @MaxLength(5)
  zip?: string | null;

  @Column(() => Geo)
  geo?: Geo;
}

@Entity()
class Team {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column()
  @Length(3, 20)
  name!: string;

  @OneToMany(
    () => Person,
    (person) => person.team,
    { cascade: true },
  )
  @IsNotEmpty()
  people!: Person[];
}

@Entity()
class Person {
  @PrimaryGeneratedColumn()
  @IsInt()
  id!: number;

  @Column({ unique: true })
  @IsEmail()
  email!: string;

  @Column()
  @Length(2, 20)
  name!: string;

  @Column("integer", { default: 18 })
  @IsInt()
  @Min(0)
  age!: number;

  @Column("text", { nullable: true })
  @IsOptional()
  @IsString()
  slug?: string | null;

  @CreateDateColumn()
  @IsNotEmpty()
  createdAt!: Date;

  @VersionColumn()
  @IsInt()
  version!: number;

  @Column(() => Address)
  address!: Address;

  @ManyToOne(
    () => Team,
    (team) => team.people,
    { nullable: true },
  )
  @IsOptional()
  @IsInstance(Team)
  @ValidateNested()
  team!: Team | null;

  @BeforeInsert()
  @BeforeUpdate()
  makeSlug(): void {
    if (this.slug === "from the name") this.slug = this.name.toLowerCase();
    if (this.slug === "wrong") this.slug = 5 as never;
  }
}

@Entity()
@TableInheritance({ column: { type: "varchar", name: "type" } })
class Vehicle {
  @PrimaryColumn("integer")
  id!: number;
}

@ChildEntity()
class Car extends Vehicle {
  @Column({ nullable: true, type: "integer" })
  @Min(3)
  doors!: number;
}

@ChildEntity()
class Boat extends Vehicle {
  @Column({ nullable: true, type: "integer" })
  @IsOptional()
  @Min(1)
  sails!: number;
}

@Entity()
class Letter {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column()
  @Length(2, 20)
  text!: string;

  @ManyToOne(() => Team, { lazy: true })
  @IsNotEmpty()
  @ValidateNested()
  to!: Promise<Team>;
}

@ValidatorConstraint({ async: true })
class IsFree implements ValidatorConstraintInterface {
  static taken = "taken";
  async validate(value: unknown): Promise<boolean> {
    await new Promise((resolve) => setImmediate(resolve));
    return value !== IsFree.taken;
  }
  defaultMessage({ property }: ValidationArguments): string {
    return `${property} must be free`;
  }
}

@Entity()
class Nick {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column()
  @Validate(IsFree)
  nick!: string;
}

@Entity()
class Plain {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column("text", { nullable: true })
  text!: string | null;
}

@Entity()
class Grouped {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column()
  @MaxLength(3, { groups: ["short"] })
  text!: string;
}

const Bare = new EntitySchema({
  name: "Bare",
  columns: { id: { type: Number, primary: true, generated: true }, text: { type: String, nullable: true } },
});

const entities = [Team, Person, Vehicle, Car, Boat, Letter, Nick, Plain, Grouped, Bare];
const ADA = { email: "ada@example.org", name: "Ada" };

const databases = testDatabases();
let database: SqliteDatabase;
beforeEach(async () => {
  database = await databases.open({ entities });
});

const people = () => rawRead(databases.path, "SELECT name FROM person ORDER BY id");

describe("what class-validator refuses is not written by", () => {
  test.each<[string, () => Promise<unknown>]>([
    ["save()", () => database.getRepository(Person).save({ ...ADA, email: "x" })],
    [
      "save() of an entity",
      () => database.manager.save(database.manager.create(Person, { ...ADA, email: "x" })),
    ],
    [
      "save() without listeners",
      () => database.manager.save(Person, { ...ADA, email: "x" }, { listeners: false }),
    ],
    ["save() of several", () => database.manager.save(Person, [ADA, { name: "Bob", email: "x" }])],
    ["insert()", () => database.getRepository(Person).insert({ ...ADA, email: "x" })],
    ["insert() of several", () => database.getRepository(Person).insert([ADA, { name: "Bob", email: "x" }])],
    ["upsert()", () => database.getRepository(Person).upsert({ ...ADA, email: "x" }, ["email"])],
    [
      "a query builder's insert",
      () =>
        database.dataSource
          .createQueryBuilder()
          .insert()
          .into(Person)
          .values({ ...ADA, email: "x" })
          .execute(),
    ],
    [
      "a cascade",
      () => database.manager.save(Team, { name: "Team", people: [{ ...ADA, email: "x" }] as Person[] }),
    ],
    [
      "a session",
      () => database.session((session) => session.manager.insert(Person, { ...ADA, email: "x" })),
    ],
  ])("%s", async (_, write) => {
    const error = await rejection(write());
    expect(error).toBeInstanceOf(EntityValidationError);
    expect(error).toBeInstanceOf(DatabaseError);
    expect(error.stack).toContain(__filename);
    expect(error).toMatchObject({
      code: "ENTITY_VALIDATION",
      errors: [{ property: "email", constraints: { isEmail: "email must be an email" } }],
      message: "Person is not valid and was not written: email: email must be an email.",
    });
    expect(await people()).toEqual([]);
    expect(await rawRead(databases.path, "SELECT * FROM team")).toEqual([]);
    await database.manager.insert(Person, ADA);
  });

  test("a transaction that wrote before, as a whole", async () => {
    const error = await rejection(
      database.session(async (session) => {
        await session.manager.insert(Person, ADA);
        await session.manager.insert(Person, { email: "b@example.org", name: "B" });
      }),
    );
    expect(error).toBeInstanceOf(EntityValidationError);
    expect(await people()).toEqual([]);
  });

  test("an insert of more rows than fit into a statement", async () => {
    const rows = Array.from({ length: 6000 }, (_, n) => ({ name: "Some", email: `p${n}@example.org` }));
    rows[5999]!.name = "?";
    expect(await rejection(database.manager.insert(Person, rows))).toBeInstanceOf(EntityValidationError);
    expect(await people()).toEqual([]);
  });
});

describe("an insert", () => {
  test("may leave out what is generated or has a default, and nothing else", async () => {
    await database.manager.insert(Person, ADA);
    await database.manager.save(Person, { name: "Bob", email: "bob@example.org" });
    expect(await people()).toEqual([{ name: "Ada" }, { name: "Bob" }]);
    const error = await rejection(database.manager.insert(Person, { email: "c@example.org" }));
    expect(error).toMatchObject({ errors: [{ property: "name" }] });
    const wrong = await rejection(database.manager.insert(Person, { ...ADA, age: -1 }));
    expect(wrong).toMatchObject({ errors: [{ property: "age", constraints: { min: expect.anything() } }] });
  });

  test("lists everything that is wrong, with the entity as it would have been", async () => {
    const error = (await rejection(
      database.manager.insert(Person, { email: "x", name: "y" }),
    )) as EntityValidationError;
    expect(error.errors.map(({ property }) => property).sort()).toEqual(["email", "name"]);
    expect(error.errors[0]!.target).toBeInstanceOf(Person);
    expect(error.errors[0]!.target).toEqual({ email: "x", name: "y" });
  });

  test("may compute a value in SQL", async () => {
    await database.manager.insert(Person, { ...ADA, name: () => "'A'" });
    expect(await people()).toEqual([{ name: "A" }]);
  });

  test("is validated as its listeners leave it", async () => {
    await database.manager.save(database.manager.create(Person, { ...ADA, slug: "from the name" }));
    expect(await rawRead(databases.path, "SELECT slug FROM person")).toEqual([{ slug: "ada" }]);
    const bob = database.manager.create(Person, { name: "Bob", email: "bob@example.org", slug: "wrong" });
    expect(await rejection(database.manager.insert(Person, bob))).toMatchObject({
      errors: [{ property: "slug" }],
    });
    expect(await rejection(database.manager.save(bob))).toMatchObject({ errors: [{ property: "slug" }] });
  });
});

describe("an update is validated for what it sets:", () => {
  beforeEach(async () => {
    await database.manager.insert(Person, { ...ADA, age: 30 });
    // Something that was there before anybody validated it.
    await database.exec("UPDATE person SET email = 'no address'");
  });

  test("other properties may be wrong or missing", async () => {
    await database.manager.update(Person, { name: "Ada" }, { age: 31 });
    const [ada] = await database.manager.find(Person);
    ada!.name = "Ada L.";
    await database.manager.save(ada!);
    const partly = await database.manager.findOneOrFail(Person, {
      where: {},
      select: { id: true, age: true },
    });
    partly.age = 32;
    await database.manager.save(partly);
    await database.manager.update(Person, { id: 1 }, { age: () => "age + 1" });
    await database.manager.increment(Person, { id: 1 }, "age", 1);
    expect(await rawRead(databases.path, "SELECT name, age FROM person")).toEqual([
      { name: "Ada L.", age: 34 },
    ]);
  });

  test.each<[string, () => Promise<unknown>]>([
    ["update()", () => database.manager.update(Person, { id: 1 }, { age: -1 })],
    [
      "save()",
      async () => {
        const [ada] = await database.manager.find(Person);
        return database.manager.save(Object.assign(ada!, { age: -1 }));
      },
    ],
    ["save() of a part", () => database.manager.save(Person, { id: 1, age: -1 })],
    [
      "a query builder",
      () =>
        database.dataSource.createQueryBuilder().update(Person).set({ age: -1 }).where("id = 1").execute(),
    ],
    ["null", () => database.manager.update(Person, { id: 1 }, { age: null as never })],
  ])("by %s, wrong values are refused", async (_, write) => {
    const error = await rejection(write());
    expect(error).toBeInstanceOf(EntityValidationError);
    expect(error).toMatchObject({ errors: [{ property: "age" }] });
    expect(await rawRead(databases.path, "SELECT age FROM person")).toEqual([{ age: 30 }]);
  });

  test("deleting, and what SQL does, are nobody's business", async () => {
    await database.exec("UPDATE person SET age = -5");
    await database.manager.delete(Person, { id: 1 });
    expect(await people()).toEqual([]);
  });
});

describe("embedded objects", () => {
  test("are validated without @ValidateNested, however deep, and plain ones too", async () => {
    const address = { city: "X", geo: { latitude: -100 } };
    for (const write of [
      () => database.manager.insert(Person, { ...ADA, address }),
      () => database.manager.save(Person, { ...ADA, address }),
      () => database.manager.save(database.manager.create(Person, { ...ADA, address })),
    ]) {
      const error = await rejection(write());
      expect(error).toMatchObject({
        errors: [
          {
            property: "address",
            children: [{ property: "city" }, { property: "geo", children: [{ property: "latitude" }] }],
          },
        ],
      });
      expect(error.message).toContain("address.geo.latitude: latitude must not be less than -90");
    }
    expect(await people()).toEqual([]);
    await database.manager.save(Person, { ...ADA, address: { city: "Paris", geo: { latitude: 48 } } });
  });

  test("are updated in part", async () => {
    await database.manager.insert(Person, ADA);
    await database.manager.update(Person, { id: 1 }, { address: { zip: "75001" } });
    const error = await rejection(database.manager.update(Person, { id: 1 }, { address: { zip: "750010" } }));
    expect(error).toMatchObject({ errors: [{ property: "address", children: [{ property: "zip" }] }] });
    expect(await rawRead(databases.path, "SELECT addressZip FROM person")).toEqual([{ addressZip: "75001" }]);
  });
});

describe("relations", () => {
  test("are not validated deeply, and may be given as objects, parts or identifiers", async () => {
    await database.exec("INSERT INTO team (id, name) VALUES (1, '?')");
    const team = await database.manager.findOneByOrFail(Team, { id: 1 });
    await database.manager.save(Person, { ...ADA, team });
    await database.manager.save(Person, { name: "Bob", email: "b@example.org", team: { id: 1 } });
    await database.manager.insert(Person, { name: "Cy", email: "c@example.org", team: { id: 1 } });
    await database.manager.insert(Person, { name: "Di", email: "d@example.org", team: 1 as never });
    const person = database.manager.create(Person, { name: "Ed", email: "e@example.org", team });
    team.people = [person];
    await database.manager.insert(Person, person);
    await database.manager.update(Person, { name: "Di" }, { team: null });
    expect(await people()).toHaveLength(5);
  });

  test("are left alone when they are lazy", async () => {
    const team = await database.manager.save(Team, { name: "Team" });
    const letter = database.manager.create(Letter, { text: "Dear" });
    letter.to = Promise.resolve(team);
    await database.manager.save(letter);
    const [found] = await database.manager.find(Letter);
    found!.text = "Dear all";
    await database.manager.save(found!);
    await database.manager.insert(Letter, Object.assign(found!, { id: 2 }));
    expect(await rejection(database.manager.insert(Letter, { text: "x" }))).toMatchObject({
      errors: [{ property: "text" }],
    });
    expect(await rawRead(databases.path, "SELECT text FROM letter ORDER BY id")).toHaveLength(2);
  });

  test("what comes by a cascade is validated itself", async () => {
    await database.manager.save(Team, { name: "Team", people: [ADA as Person] });
    expect(await people()).toEqual([{ name: "Ada" }]);
  });
});

test("single table inheritance validates the class that it is", async () => {
  const error = await rejection(database.manager.save(database.manager.create(Car, { id: 1, doors: 1 })));
  expect(error).toMatchObject({ message: expect.stringContaining("Car is not valid") });
  const boat = database.manager.create(Boat, { id: 1, sails: 0 });
  expect(await rejection(database.manager.insert(Vehicle, boat))).toMatchObject({
    errors: [{ property: "sails" }],
  });
  await database.manager.save(database.manager.create(Boat, { id: 1, sails: 2 }));
  await database.manager.insert(Car, { id: 2, doors: 5 });
  expect(await rejection(database.manager.update(Car, 2, { doors: 2 }))).toBeInstanceOf(
    EntityValidationError,
  );
  expect(await rawRead(databases.path, "SELECT id, doors, sails FROM vehicle")).toEqual([
    { id: 1, doors: null, sails: 2 },
    { id: 2, doors: 5, sails: null },
  ]);
});

test("asynchronous validators are waited for", async () => {
  await database.manager.save(Nick, { nick: "free" });
  for (const write of [
    () => database.manager.save(Nick, { nick: "taken" }),
    () => database.manager.insert(Nick, { nick: "taken" }),
    () => database.manager.update(Nick, { id: 1 }, { nick: "taken" }),
  ]) {
    expect(await rejection(write())).toMatchObject({ message: expect.stringContaining("nick must be free") });
  }
  expect(await rawRead(databases.path, "SELECT nick FROM nick")).toEqual([{ nick: "free" }]);
});

test("entities without decorators of class-validator are written as ever", async () => {
  await database.manager.insert(Plain, { text: "x" });
  await database.manager.save(Plain, { text: null });
  await database.manager.insert(Bare, { text: "x" });
  expect(await database.manager.count(Plain)).toBe(2);
});

describe("the option validate", () => {
  test("is off when it is false", async () => {
    const lax = await databases.open({ entities, validate: false }, databases.folder.file("lax.db"));
    await lax.manager.insert(Person, { email: "x", name: "" });
    await lax.manager.save(Person, { email: "y", name: "" });
    expect(await lax.manager.count(Person)).toBe(2);
  });

  test("takes class-validator's own options", async () => {
    const path = databases.folder.file("groups.db");
    const tall = await databases.open({ entities, validate: { groups: ["tall"] } }, path);
    await tall.manager.insert(Grouped, { text: "long" });
    const short = await databases.open(
      { entities, validate: { groups: ["short"], validationError: { target: false } } },
      path,
    );
    const error = await rejection(short.manager.insert(Grouped, { text: "long" }));
    expect(error).toMatchObject({ errors: [{ property: "text" }] });
    expect((error as EntityValidationError).errors[0]).not.toHaveProperty("target");
  });

  test("is no concern of a plain SqliteDataSource", async () => {
    const dataSource = new SqliteDataSource({
      database: databases.folder.file("plain.db"),
      entities,
      synchronize: true,
    });
    await dataSource.initialize();
    await dataSource.manager.insert(Person, { email: "x", name: "" });
    await dataSource.destroy();
  });
});
