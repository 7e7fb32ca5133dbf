// Starts the application, uses it over HTTP, and ends it with a request in flight.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { SqliteDatabase } from "typeorm-sqlite-database";

const child = spawn(process.execPath, ["out/main.js"], { stdio: ["ignore", "pipe", "inherit"] });
const exited = once(child, "exit");
const lines = createInterface(child.stdout)[Symbol.asyncIterator]();

const { value: url } = await lines.next();
assert.ok(url, "the application did not start");
const request = (path, body) =>
  fetch(`${url}/${path}`, {
    method: body ? "POST" : "GET",
    headers: { "content-type": "application/json", connection: "close" },
    ...(body && { body: JSON.stringify(body) }),
  });

assert.equal((await request("notes", { text: "one" })).status, 201);
assert.equal((await request("notes", { text: "undone" })).status, 500);
const texts = (await (await request("notes")).json()).map(({ text }) => text);
assert.deepEqual(texts, ["one", "one, raw"]);
assert.equal((await (await request("health")).json()).database.status, "up");

const answer = request("around", {});
assert.equal((await lines.next()).value, "in flight");
child.kill("SIGTERM");
assert.equal(await (await answer).text(), "finished");
assert.deepEqual(await exited, [0, null]);

const database = await new SqliteDatabase("nest.db?mode=ro").init();
const written = await database.exec("SELECT text FROM notes ORDER BY id");
assert.deepEqual(written.scalars(), ["one", "one, raw", "before the shutdown", "after the shutdown began"]);
await database.close();
