import { ServerResponse } from "node:http";
import { pipeline } from "node:stream/promises";
import { Controller, Get, Res } from "@nestjs/common";
import { ApiTags } from "@nestjs/swagger";
import { Session, SqliteDatabase } from "typeorm-sqlite-database";

const ACCOUNTS = `
  SELECT t.id, t.name, t.balance,
    (SELECT coalesce(sum(amount), 0) FROM transfers WHERE "to" = t.id) AS received,
    (SELECT coalesce(sum(amount), 0) FROM transfers WHERE "from" = t.id) AS sent
  FROM travellers AS t ORDER BY t.id`;

@ApiTags("reports")
@Controller("reports")
export class ReportsController {
  constructor(private readonly database: SqliteDatabase) {}

  /** Every account as a line of JSON, and a last line with the sums, all from one snapshot, however long it takes. */
  @Get("accounts")
  async accounts(@Res() response: ServerResponse): Promise<void> {
    response.setHeader("content-type", "application/x-ndjson");
    await this.database.session((session) => pipeline(lines(session), response), {
      readonly: true,
      label: "accounts report",
    });
  }
}

async function* lines(session: Session): AsyncGenerator<string> {
  for await (const account of session.stream(ACCOUNTS)) yield `${JSON.stringify(account)}\n`;
  const sums = await session.exec(
    "SELECT count(*) AS accounts, coalesce(sum(balance), 0) AS total, (SELECT count(*) FROM transfers) AS transfers FROM travellers",
  );
  yield `${JSON.stringify(sums.one())}\n`;
}
