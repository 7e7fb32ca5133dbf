import { createHash } from "node:crypto";
import { Column, Entity, Index, JoinColumn, ManyToOne, PrimaryColumn, PrimaryGeneratedColumn } from "typeorm";

/** What one session writes, with its items: all of it, or nothing. */
@Entity("batches")
export class Batch {
  @PrimaryColumn("text")
  id!: string;

  /** What its items must add up to. */
  @Column("text")
  state!: string;
}

@Entity("items")
@Index(["batchId", "position"], { unique: true })
export class Item {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column("text", { name: "batch_id" })
  batchId!: string;

  @ManyToOne(() => Batch, { nullable: false })
  @JoinColumn({ name: "batch_id" })
  batch?: Batch;

  @Column("integer")
  position!: number;

  @Column("text")
  payload!: string;
}

export const ENTITIES = [Batch, Item];

/** The state of a batch that is not there. */
export const GONE = "gone";

/** The state of a batch with these payloads: how many there are, and their checksum. */
export function stateOf(payloads: readonly string[]): string {
  const checksum = createHash("sha256").update(JSON.stringify(payloads)).digest("hex").slice(0, 16);
  return `${payloads.length} items ${checksum}`;
}
