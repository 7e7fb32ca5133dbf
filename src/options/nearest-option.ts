/** Options of TypeORM, SQLAlchemy and Python's sqlite3 under the name that they have here. */
const ELSEWHERE: ReadonlyMap<string, string> = new Map([
  ["logging", "echo"],
  ["logger", "echo"],
  ["timeout", "busyTimeout"],
]);

/**
 * The option that was probably meant: the same name in another spelling (`pool_size`, `poolsize`), under another
 * library's name (`logging`), or with a typo or two.
 *
 * @example
 * nearestOption("pool_pre_ping", ["poolSize", "poolPrePing"]); // "poolPrePing"
 */
export function nearestOption(name: string, known: readonly string[]): string | undefined {
  const wanted = bare(name);
  const elsewhere = ELSEWHERE.get(wanted);
  if (elsewhere !== undefined && known.includes(elsewhere)) return elsewhere;
  const tolerance = Math.min(2, Math.floor(wanted.length / 3));
  const ranked = known
    .map((option) => ({ option, distance: editDistance(wanted, bare(option)) }))
    .sort((one, other) => one.distance - other.distance);
  const nearest = ranked[0];
  return nearest !== undefined && nearest.distance <= tolerance ? nearest.option : undefined;
}

function bare(name: string): string {
  return name.toLowerCase().replace(/[_-]/g, "");
}

/** Levenshtein's: how many characters to insert, delete or replace. */
function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (const [index, character] of [...from].entries()) {
    const next = [index + 1];
    for (let column = 1; column <= to.length; column++) {
      const replaced = at(row, column - 1) + (character === to[column - 1] ? 0 : 1);
      next.push(Math.min(replaced, at(row, column) + 1, at(next, column - 1) + 1));
    }
    row = next;
  }
  return at(row, to.length);
}

function at(row: readonly number[], column: number): number {
  return row[column] ?? Number.POSITIVE_INFINITY;
}
