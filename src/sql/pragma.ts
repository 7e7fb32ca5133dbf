/** A PRAGMA as it was written. */
export interface Pragma {
  /** In lower case, without the schema. */
  readonly name: string;
  /** Whether it was given a value, as `name = value` or as `name(value)`. */
  readonly hasValue: boolean;
}

// The pragmas of https://sqlite.org/pragma.html that depart from the rule "without a value it reads a setting of the
// connection, with one it changes it".

const READS_WITH_ARGUMENT = new Set([
  "foreign_key_check",
  "foreign_key_list",
  "index_info",
  "index_list",
  "index_xinfo",
  "integrity_check",
  "quick_check",
  "table_info",
  "table_list",
  "table_xinfo",
]);

const ACTS = new Set(["incremental_vacuum", "optimize", "shrink_memory", "wal_checkpoint"]);

const STORED_IN_FILE = new Set([
  "application_id",
  "auto_vacuum",
  "encoding",
  "page_size",
  "schema_version",
  "user_version",
]);

/** Whether the pragma neither changes the file nor the connection, so that any connection may run it. */
export function pragmaReadsOnly({ name, hasValue }: Pragma): boolean {
  return hasValue ? READS_WITH_ARGUMENT.has(name) : !ACTS.has(name);
}

/** Whether the pragma changes a setting that only its own connection has. */
export function pragmaPinsConnection({ name, hasValue }: Pragma): boolean {
  return hasValue && !READS_WITH_ARGUMENT.has(name) && !ACTS.has(name) && !STORED_IN_FILE.has(name);
}

/** Whether the answers of two connections cannot be compared (https://sqlite.org/pragma.html#pragma_data_version). */
export function pragmaUsesConnectionState({ name }: Pragma): boolean {
  return name === "data_version";
}
