import type { BindValue } from "../sql/bind-value";
import { type StatementAnalysis, splitStatements } from "../sql/statement";
import type { Connection, Row } from "./connection";
import { planOf } from "./query-program";

interface Query {
  readonly statement: StatementAnalysis;
  readonly sql: string;
  readonly values: readonly BindValue[];
  readonly signal?: AbortSignal | undefined;
}

/** With fewer the module's own rows come as soon. */
const FEWEST_ROWS = 50;
/** Of the values of one column, which are in memory four times for a moment. */
const MOST_BYTES = 16 * 1024 * 1024;

/**
 * What is not less is a BLOB (https://sqlite.org/datatype3.html#sort_order). The JSON functions refuse one, unless it may
 * be JSON in the binary form that SQLite keeps it in (https://sqlite.org/jsonb.html): that they take for JSON.
 */
const LEAST_BLOB = "x''";

/** How the rows of a query are read as JSON. */
interface Reading {
  readonly sql: string;
  /** The columns, in the order in which a row has them. */
  readonly names: readonly string[];
  /** Of the schema for which that is known. */
  readonly schemaVersion: number;
}

/** What is known of a query: that it had many rows, how to read them, or that it cannot be done. */
type Knowledge = "many rows" | Reading | "impossible";

/** By connection, as each has a schema in memory, and a statement to prepare. */
const known = new WeakMap<Connection, WeakMap<StatementAnalysis, Knowledge>>();

/** To be told of the rows of every query that was read natively. */
export function noticeRows(connection: Connection, { statement }: Query, rows: readonly Row[]): void {
  if (rows.length < FEWEST_ROWS || statement.kind !== "select") return;
  // The transaction of the writer may have changed the schema, or have a temporary one.
  if (connection.role === "reader" && !knowledgeOf(connection, statement))
    learn(connection, statement, "many rows");
}

/**
 * The rows of a query that had many rows before, as JSON that SQLite writes on its own thread; `undefined` where they
 * are to be read natively.
 *
 * The module makes the value of each cell on the main thread by a call of its own, which takes three times as long as
 * parsing one text for each column. JSON cannot hold BLOBs, and rounds REALs (https://sqlite.org/json1.html), so every
 * cell has to be NULL, text, or an integer that a number can hold; where one is not, none of it is used.
 */
export function readManyRows(connection: Connection, query: Query): Promise<Row[] | undefined> | undefined {
  const knowledge = knowledgeOf(connection, query.statement);
  if (knowledge === undefined || knowledge === "impossible") return undefined;
  return knowledge === "many rows" ? readAndLearn(connection, query) : readJson(connection, query, knowledge);
}

async function readJson(connection: Connection, query: Query, reading: Reading): Promise<Row[] | undefined> {
  const { statement, values, signal } = query;
  const { sql, names, schemaVersion } = reading;
  // With a column more, the list of the columns is refused.
  const [answer] = await connection
    .all(sql, values, signal)
    .catch(() => connection.all(SCHEMA_VERSION, [], signal));
  if (answer?.version !== schemaVersion) {
    learn(connection, statement, undefined);
    return undefined;
  }
  const columns = columnsOf(answer, names.length);
  if (!columns) learn(connection, statement, "impossible");
  else if (columns[0]!.length < FEWEST_ROWS) learn(connection, statement, undefined);
  return columns && rowsOf(columns, names);
}

/** Reads natively, and finds out whether it can be done as JSON the next time. */
async function readAndLearn(connection: Connection, query: Query): Promise<Row[]> {
  const { statement, sql, values, signal } = query;
  // What is learned is true as long as the schema is that of before.
  const [schema] = await connection.all(SCHEMA, [], signal);
  const rows = await connection.all(sql, values, signal);
  if (rows.length < FEWEST_ROWS) return rows;
  const reading = schema?.attached
    ? "impossible"
    : await readingOf(connection, query, Object.keys(rows[0]!), Number(schema?.version));
  learn(connection, statement, reading);
  return rows;
}

function knowledgeOf(connection: Connection, statement: StatementAnalysis): Knowledge | undefined {
  return known.get(connection)?.get(statement);
}

function learn(connection: Connection, statement: StatementAnalysis, knowledge: Knowledge | undefined): void {
  let ofConnection = known.get(connection);
  if (!ofConnection) {
    ofConnection = new WeakMap();
    known.set(connection, ofConnection);
  }
  if (knowledge) ofConnection.set(statement, knowledge);
  else ofConnection.delete(statement);
}

/** No table has this name. */
const ROWS = "rows_read_as_json";

const SCHEMA_VERSION = "SELECT schema_version AS version FROM pragma_schema_version";

/** A file that is attached has a version of its own. */
const SCHEMA =
  "SELECT schema_version AS version, EXISTS (SELECT 1 FROM pragma_database_list WHERE seq > 1) AS attached " +
  "FROM pragma_schema_version";

async function readingOf(
  connection: Connection,
  { sql, values, signal }: Query,
  names: readonly string[],
  schemaVersion: number,
): Promise<Knowledge> {
  // A property whose name is a number comes first, wherever its column is.
  if (names.some((name) => /^\d+$|^__proto__$/.test(name))) return "impossible";
  const [text] = splitStatements(sql);
  const columns = names.map((_, index) => `c${index}`);
  const arrays = columns.map((column) => {
    const array = `json_group_array(${column})`;
    const isExact = `octet_length(${array}) < ${MOST_BYTES} AND NOT count(*) FILTER (WHERE ${column} >= ${LEAST_BLOB})`;
    return `iif(${isExact}, ${array}, NULL) AS ${column}`;
  });
  const reading = `WITH ${ROWS}(${columns.join(", ")}) AS (${text}\n) SELECT (${SCHEMA_VERSION}) AS version, ${arrays.join(", ")} FROM ${ROWS}`;
  const explain = (how: string, query: string) => connection.all(`${how} ${query}`, values, signal);
  try {
    const program = await explain("EXPLAIN", text!);
    const isJson = program.some(({ p4 }) => /^(json|->)/.test(String(p4)));
    if (isJson) return "impossible";
    const plan = async (query: string) =>
      planOf((await explain("EXPLAIN QUERY PLAN", query)).filter(isOfQuery));
    // Without ORDER BY the rows come in the order in which they are found.
    if ((await plan(text!)) !== (await plan(reading))) return "impossible";
  } catch (error) {
    if (signal?.aborted) throw error;
    return "impossible";
  }
  return { sql: reading, names, schemaVersion };
}

/** What the reading as JSON adds to the plan of the query. */
const ADDED = /^(CO-ROUTINE|SCAN) rows_read_as_json$|pragma_schema_version|^SCALAR SUBQUERY/;

function isOfQuery({ detail }: Row): boolean {
  return !ADDED.test(String(detail));
}

/** The values of each column; `undefined` if one of them may not be what SQLite has. */
function columnsOf(answer: Row, count: number): unknown[][] | undefined {
  const columns: unknown[][] = [];
  for (let index = 0; index < count; index++) {
    const json = answer[`c${index}`];
    const values = typeof json === "string" ? exactValues(json) : undefined;
    if (!values) return undefined;
    columns.push(values);
  }
  return columns;
}

function exactValues(json: string): unknown[] | undefined {
  const values: unknown[] = JSON.parse(json);
  // A REAL is written with a point or an exponent, however round it is.
  const isNumeric = /^[[\],\-\dnul]*$/.test(json);
  for (const value of values) {
    if (value === null) continue;
    if (isNumeric ? !Number.isSafeInteger(value) : typeof value !== "string") return undefined;
  }
  return values;
}

function rowsOf(columns: readonly unknown[][], names: readonly string[]): Row[] {
  const count = columns[0]!.length;
  const rows: Row[] = new Array(count);
  for (let index = 0; index < count; index++) {
    const row: Row = {};
    for (let column = 0; column < names.length; column++) row[names[column]!] = columns[column]![index];
    rows[index] = row;
  }
  return rows;
}
