import { existsSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { findDocuments, ROOT, readDocument } from "./code-blocks";

/** As GitHub makes them of headings. */
function anchors(document: string): string[] {
  const headings = readDocument(document)
    .replace(/^```.*?^```/gms, "")
    .matchAll(/^#+ (.+)$/gm);
  return [...headings].map(([, text = ""]) =>
    text
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-"),
  );
}

function isDead(document: string, link: string): boolean {
  const [path = "", anchor] = link.split("#");
  const target = path === "" ? document : relative(ROOT, join(ROOT, dirname(document), path));
  if (!existsSync(join(ROOT, target))) return true;
  return anchor !== undefined && !anchors(target).includes(anchor);
}

test.each(findDocuments())("every link of %s leads to a file and a heading that are there", (document) => {
  const text = readDocument(document).replace(/^```.*?^```/gms, "");
  const links = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = ""]) => link);
  expect(links.filter((link) => !/^https?:/.test(link) && isDead(document, link))).toEqual([]);
});
