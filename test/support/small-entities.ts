import { Column, Entity, PrimaryColumn, PrimaryGeneratedColumn } from "typeorm";

/** For sums that must be exact. */
@Entity("accounts")
export class Account {
  @PrimaryColumn("integer")
  id!: number;

  @Column("integer", { default: 0 })
  balance!: number;
}

/** For what was written and what was not. */
@Entity("notes")
export class Note {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column({ unique: true })
  text!: string;
}

/** The texts of the notes, in the order in which they were written. */
export const NOTES = "SELECT text FROM notes ORDER BY id";

/** A statement that would run for seconds if nobody interrupted it, and then end. */
export const LONG_READ =
  "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 12000000) SELECT max(i) FROM n";
