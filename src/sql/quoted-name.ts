/** A name as SQL text, whatever is in it (https://sqlite.org/lang_keywords.html). */
export function quotedName(name: string): string {
  return name.includes('"') ? `"${name.replaceAll('"', '""')}"` : `"${name}"`;
}
