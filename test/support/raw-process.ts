// Run by other-process.ts in a process of its own: runs each line of the standard input on one raw connection.
import { createInterface } from "node:readline";
import { RawDatabase } from "./raw-database";

async function main(path: string): Promise<void> {
  const database = await RawDatabase.open(path);
  for await (const line of createInterface({ input: process.stdin })) {
    const answer = await database.all(JSON.parse(line)).catch((error: Error) => ({ error: error.message }));
    console.log(JSON.stringify(answer));
  }
  await database.close();
}

void main(process.argv[2]!);
