import type { ValueTransformer } from "typeorm";

/**
 * Lets a `date` column be a `Date` (midnight UTC) in the entity. TypeORM's own choice is the text `YYYY-MM-DD`,
 * which is also what stands in the table.
 */
export const calendarDate: ValueTransformer = {
  to: (value: unknown) => (value instanceof Date ? value.toISOString().slice(0, 10) : value),
  from: (value: unknown) => (typeof value === "string" ? new Date(value) : value),
};
