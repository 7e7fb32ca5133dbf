import type { WhereClause } from "typeorm/query-builder/WhereClause.js";
import { OrmUtils } from "typeorm/util/OrmUtils.js";

/** Each makes the expression deeper by one, of which SQLite takes 1000 (https://sqlite.org/limits.html). */
const MOST_ALTERNATIVES = 500;

/** What TypeORM writes as `a OR b OR …` for entities by their ids, in groups where there are too many for SQLite. */
export function groupAlternatives(clauses: WhereClause[], write: (clauses: WhereClause[]) => string): string {
  const isLong = clauses.length > MOST_ALTERNATIVES && clauses.slice(1).every(({ type }) => type === "or");
  if (!isLong) return write(clauses);
  return OrmUtils.chunk(clauses, MOST_ALTERNATIVES)
    .map((some) => `(${write(some)})`)
    .join(" OR ");
}
