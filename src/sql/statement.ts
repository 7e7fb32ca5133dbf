import { numberParameters } from "./parameter-numbers";
import { type Pragma, pragmaPinsConnection, pragmaReadsOnly, pragmaUsesConnectionState } from "./pragma";
import { kindOfStatement, type StatementKind } from "./statement-kind";
import { StatementTokens } from "./statement-tokens";
import { TextCache } from "./text-cache";

/** What can be told from a statement's text. It is about the first statement of the text, the one that SQLite runs. */
export interface StatementAnalysis {
  readonly kind: StatementKind;
  /** Whether a connection with `query_only` may run it. `false` when in doubt. */
  readonly readsOnly: boolean;
  /** Whether it has a result set: a query, a PRAGMA, or a RETURNING clause. */
  readonly returnsRows: boolean;
  /** Whether it asks what its own connection did before, as with `changes()`. */
  readonly usesConnectionState: boolean;
  /** Whether it changes its connection instead of the file, as TEMP tables, ATTACH and most pragmas with a value do. */
  readonly pinsConnection: boolean;
  /** How many values it takes: the highest number of a parameter (https://sqlite.org/lang_expr.html#varparam). */
  readonly parameterCount: number;
  /** Which pragma it is, if `kind` is "pragma". */
  readonly pragma?: Pragma;
  /** The offset at which a second statement begins. */
  readonly secondStatementAt?: number;
}

const STATE_FUNCTIONS = new Set(["changes", "last_insert_rowid", "total_changes"]);

const cache = new TextCache<StatementAnalysis>();

/**
 * Tells what a statement does to its connection and its database, for choosing where to run it.
 *
 * It never throws; what is no SQL is of the kind "other". The answer for a short text is remembered.
 *
 * @example
 * analyzeStatement("WITH t AS (SELECT 1) DELETE FROM users RETURNING id");
 * // { kind: "delete", readsOnly: false, returnsRows: true, … }
 */
export function analyzeStatement(sql: string): StatementAnalysis {
  return cache.get(sql, analyze);
}

/** Whether it is not known to write: what is no SQL is for SQLite to refuse, by its own words. */
export function mayOnlyRead({ kind, readsOnly }: StatementAnalysis): boolean {
  return readsOnly || kind === "other";
}

/**
 * Splits a script at its semicolons, except those in the body of a trigger. The statements come without their
 * semicolon and without the comments around them; empty ones are left out.
 */
export function splitStatements(sql: string): string[] {
  const tokens = new StatementTokens(sql);
  const statements: string[] = [];
  let start = tokens.statementStart(0);
  while (start < tokens.length) {
    const end = tokens.statementEnd(start);
    statements.push(sql.slice(tokens.at(start)?.start, tokens.at(end - 1)?.end));
    start = tokens.statementStart(end);
  }
  return statements;
}

function analyze(sql: string): StatementAnalysis {
  const tokens = new StatementTokens(sql);
  const start = tokens.statementStart(0);
  const end = tokens.statementEnd(start);
  const second = tokens.at(tokens.statementStart(end));
  return {
    ...classify(tokens, start, end),
    parameterCount: numberParameters(
      tokens.ofKind("parameter").map((token) => sql.slice(token.start, token.end)),
    ).highest,
    ...(second && { secondStatementAt: second.start }),
  };
}

type Classification = Omit<StatementAnalysis, "parameterCount" | "secondStatementAt">;

function classify(tokens: StatementTokens, start: number, end: number): Classification {
  const explainLength = tokens.explainLength(start);
  if (explainLength === 0) return classifyPlain(tokens, start, end);
  const explained = classifyPlain(tokens, start + explainLength, end);
  // Many a pragma takes effect when it is prepared, so even under EXPLAIN (https://sqlite.org/pragma.html#syntax).
  const isPragma = explained.kind === "pragma";
  return {
    kind: "explain",
    readsOnly: !isPragma || explained.readsOnly,
    returnsRows: true,
    usesConnectionState: explained.usesConnectionState,
    pinsConnection: isPragma && explained.pinsConnection,
  };
}

function classifyPlain(tokens: StatementTokens, start: number, end: number): Classification {
  const kind = kindOfStatement(tokens, start, end);
  const mentions = mentionsOf(tokens, start, end);
  const usesConnectionState = mentions.stateFunction;
  switch (kind) {
    case "pragma": {
      const pragma = pragmaAt(tokens, start + 1);
      const readsOnly = pragmaReadsOnly(pragma);
      return {
        kind,
        readsOnly,
        returnsRows: true,
        usesConnectionState: pragmaUsesConnectionState(pragma),
        pinsConnection: pragmaPinsConnection(pragma) || (!readsOnly && mentions.tempSchema),
        pragma,
      };
    }
    case "select":
      return { kind, readsOnly: true, returnsRows: true, usesConnectionState, pinsConnection: false };
    case "insert":
    case "update":
    case "delete":
      return {
        kind,
        readsOnly: false,
        returnsRows: mentions.returning,
        usesConnectionState,
        pinsConnection: mentions.tempSchema,
      };
    default:
      return {
        kind,
        readsOnly: false,
        returnsRows: false,
        usesConnectionState,
        pinsConnection:
          kind === "attach" || kind === "detach" || mentions.tempSchema || createsTemporary(tokens, start),
      };
  }
}

interface Mentions {
  /** RETURNING is no name unless quoted, so the bare word is the clause (https://sqlite.org/lang_returning.html). */
  returning: boolean;
  stateFunction: boolean;
  tempSchema: boolean;
}

function mentionsOf(tokens: StatementTokens, start: number, end: number): Mentions {
  const mentions = { returning: false, stateFunction: false, tempSchema: false };
  for (let index = start; index < end; index++) {
    if (tokens.is(index + 1, "(")) mentions.stateFunction ||= STATE_FUNCTIONS.has(tokens.name(index));
    if (tokens.is(index + 1, ".")) mentions.tempSchema ||= tokens.name(index) === "temp";
    mentions.returning ||= tokens.word(index) === "RETURNING";
  }
  return mentions;
}

function pragmaAt(tokens: StatementTokens, index: number): Pragma {
  const at = tokens.is(index + 1, ".") ? index + 2 : index;
  return { name: tokens.name(at), hasValue: tokens.is(at + 1, "=") || tokens.is(at + 1, "(") };
}

function createsTemporary(tokens: StatementTokens, start: number): boolean {
  return tokens.word(start) === "CREATE" && /^TEMP(ORARY)?$/.test(tokens.word(start + 1));
}
