import fc from "fast-check";
import {
  ChildEntity,
  Column,
  Entity,
  EntityManager,
  type EntityTarget,
  JoinColumn,
  ManyToOne,
  type ObjectLiteral,
  OneToMany,
  PrimaryGeneratedColumn,
} from "typeorm";
import { OrmUtils } from "typeorm/util/OrmUtils.js";
import type { SqliteDataSource } from "../../src/driver/sqlite-data-source";
import { Animal, Dog } from "../support/animals";
import { dataSources } from "../support/data-sources";

// What an insert, update or save merges into entities is what TypeORM's own code merges.

class Place {
  @Column({ nullable: true })
  street!: string;
}

@Entity()
class Author {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column({ name: "the_name" })
  name!: string;

  @Column("integer", { default: 1 })
  age!: number;

  @Column("simple-json", { nullable: true })
  json!: unknown;

  @OneToMany(
    () => Book,
    (book) => book.author,
  )
  books!: Book[];
}

@Entity()
class Book {
  @PrimaryGeneratedColumn({ type: "bigint" })
  id!: string;

  @Column()
  title!: string;

  @Column("integer", { name: "author_id", nullable: true })
  authorId!: number;

  @ManyToOne(
    () => Author,
    (author) => author.books,
  )
  @JoinColumn({ name: "author_id" })
  author!: Author;
}

@Entity()
class Review {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column()
  text!: string;

  @ManyToOne(() => Book, { lazy: true })
  book!: Promise<Book>;
}

@Entity()
class House {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column(() => Place)
  place!: Place;
}

@ChildEntity()
class Cat extends Animal {
  // Two children may have a column each of one name.
  @Column("simple-json", { name: "age", nullable: true })
  lives!: unknown;
}

const SHARED = { of: "all" };

@Entity()
class Shared {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column("varchar", { transformer: { to: () => "", from: () => SHARED } })
  shared!: unknown;
}

const ENTITIES = [Author, Book, Review, House, Animal, Dog, Cat, Shared];

const open = dataSources();
type Merge = (
  target: EntityTarget<ObjectLiteral>,
  entity: ObjectLiteral,
  ...sources: unknown[]
) => ObjectLiteral;

let dataSource: SqliteDataSource;
let merge: Merge;
let mergeOfTypeorm: Merge;
beforeEach(async () => {
  dataSource = await open({ database: ":memory:", entities: ENTITIES });
  const { manager } = dataSource;
  merge = manager.merge.bind(manager) as Merge;
  mergeOfTypeorm = EntityManager.prototype.merge.bind(manager) as Merge;
});

const value = fc.oneof(
  fc.constantFrom(undefined, null, 0, "", true),
  fc.integer(),
  fc.string(),
  fc.date({ noInvalidDate: true }),
  fc.array(fc.string()),
  fc.dictionary(fc.string(), fc.integer()),
);
const related = fc.oneof(value, fc.record({ id: fc.integer({ min: 1 }), name: value }, { requiredKeys: [] }));
const source = fc.record(
  {
    age: value,
    other: value,
    id: value,
    title: value,
    name: value,
    text: value,
    json: value,
    kind: value,
    authorId: value,
    place: fc.oneof(fc.constant(undefined), fc.record({ street: value }, { requiredKeys: [] })),
    author: related,
    __book__: fc.oneof(fc.constant(undefined), fc.record({ id: fc.integer({ min: 1 }) })),
    books: fc.oneof(value, fc.array(fc.record({ id: fc.integer({ min: 1 }) }))),
  },
  { requiredKeys: [] },
);

/** What a merge did, the order of the properties included; or that it failed. */
function outcome(merge: () => ObjectLiteral): unknown {
  try {
    const entity = merge();
    return [Object.keys(entity), entity];
  } catch (error) {
    return (error as Error).message;
  }
}

test("merge() does what TypeORM's does, with whatever is merged into whatever", () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...ENTITIES),
      fc.array(source, { maxLength: 3 }),
      source,
      fc.boolean(),
      (target, sources, into, isInstance) => {
        const fresh = () => Object.assign(isInstance ? new target() : {}, structuredClone(into));
        expect(outcome(() => merge(target, fresh(), ...structuredClone(sources)))).toEqual(
          outcome(() => mergeOfTypeorm(target, fresh(), ...structuredClone(sources))),
        );
      },
    ),
    { numRuns: 1000 },
  );
});

test.each([[null], [undefined], ["text"], [7]])("merge() of %p does what TypeORM's does", (odd) => {
  for (const target of ENTITIES) {
    expect(outcome(() => merge(target, { id: 1 }, odd))).toEqual(
      outcome(() => mergeOfTypeorm(target, { id: 1 }, odd)),
    );
  }
});

test("merge() reads what the class of the source has, and calls what the class of the entity has", () => {
  class Source {
    get name() {
      return "computed";
    }
  }
  const set = jest.fn();
  const entity = Object.defineProperty({}, "name", { set, enumerable: true });
  merge(Author, entity, new Source());
  expect(set.mock.calls).toEqual([["computed"]]);
});

test("a row becomes what TypeORM's metadata makes of it", () => {
  const row = fc.record(
    {
      age: fc.option(fc.integer()),
      the_name: fc.option(fc.string()),
      id: fc.integer(),
      json: fc.oneof(fc.constant(null), fc.json()),
      placeStreet: fc.option(fc.string()),
      kind: fc.constantFrom("Dog", "Animal"),
      author_id: fc.option(fc.integer()),
      bookId: fc.option(fc.integer()),
      other: fc.integer(),
    },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(fc.constantFrom(...ENTITIES), row, (target, found) => {
      const { driver } = dataSource;
      const metadata = dataSource.getMetadata(target);
      let expected: ObjectLiteral | undefined;
      for (const [name, cell] of Object.entries(found)) {
        const column = metadata.findColumnWithDatabaseName(name);
        // Of those that derive from the class, it has the columns but not the properties.
        if (!column || metadata.childEntityMetadatas.some(({ target }) => target === column.target)) continue;
        expected = OrmUtils.mergeDeep(
          expected ?? {},
          column.createValueMap(driver.prepareHydratedValue(cell, column)),
        );
      }
      const map = driver.createGeneratedMap(metadata, found, 0, 1);
      expect(map).toEqual(expected);
      expect(Object.keys(map ?? {})).toEqual(Object.keys(expected ?? {}));
    }),
    { numRuns: 1000 },
  );
});

test("an object of a row is a copy, which may be changed", () => {
  const { driver } = dataSource;
  const map = driver.createGeneratedMap(dataSource.getMetadata(Shared), { shared: "" }, 0, 1);
  expect(map.shared).toEqual(SHARED);
  expect(map.shared).not.toBe(SHARED);
});
