import "reflect-metadata";
import { parseArgs } from "node:util";
import { createApp } from "./app";

async function main(): Promise<void> {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: { port: { type: "string", default: "3000" } },
  });
  const app = await createApp(positionals[0] ?? "./nest-api.db");
  // SIGTERM and SIGINT close the server, let the requests in flight end, then close the database.
  app.enableShutdownHooks();
  await app.listen(Number(values.port), "127.0.0.1");
  console.log(`Listening on ${await app.getUrl()}, documentation at /docs`);
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
