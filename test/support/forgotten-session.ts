// Run by leaks.test.ts in a process of its own: forgets a session, keeps a manager, closes another session.
import "reflect-metadata";
import { setImmediate as turn } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { EntityManager } from "typeorm";
import { SqliteDatabase } from "../../src";
import { Note } from "./small-entities";

setFlagsFromString("--expose-gc");
const collect: () => void = runInNewContext("gc");

async function collectUntil(condition: () => boolean): Promise<void> {
  for (let times = 0; times < 200 && !condition(); times++) {
    collect();
    await turn();
  }
}

async function main(path: string): Promise<void> {
  const warnings: { name: string; code: string; message: string }[] = [];
  process.on("warning", ({ name, message, code }: Error & { code?: string }) => {
    warnings.push({ name, message, code: String(code) });
  });
  const database = await new SqliteDatabase(path, { entities: [Note] }).init();

  async function forget(): Promise<void> {
    const session = await database.openSession({ label: "forgotten" });
    await session.manager.insert(Note, { text: "forgotten" });
  }
  await forget();
  const held = database.stats();
  await collectUntil(() => warnings.length > 0);
  await database.getRepository(Note).insert({ text: "after" });
  const free = database.stats();

  let manager: EntityManager | undefined;
  async function keepManager(): Promise<void> {
    const session = await database.openSession({ label: "kept", readonly: true });
    manager = session.manager;
    await using closed = await database.openSession({ label: "closed", readonly: true });
    await closed.exec("SELECT 1");
  }
  await keepManager();
  await collectUntil(() => false);
  const count = await manager!.count(Note);
  await manager!.queryRunner!.query("COMMIT").catch(() => {});
  console.log(JSON.stringify({ warnings, held, free, count }));
  process.exit();
}

void main(process.argv[2]!);
