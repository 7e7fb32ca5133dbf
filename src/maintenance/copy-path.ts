import { ConfigurationError } from "../errors";
import { parseLocation } from "../options/location";

/**
 * Where a copy of a database is to be written.
 *
 * @throws ConfigurationError for what is no place for a file
 */
export function copyPath(location: string | URL): string {
  const { path, memory } = parseLocation(location);
  if (memory) throw new ConfigurationError("A copy is a file: give it a path, not :memory:.");
  return path;
}
