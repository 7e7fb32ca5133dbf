import { TextCache } from "../../src/sql/text-cache";

function lengths(capacity: number) {
  const computed: string[] = [];
  const cache = new TextCache<number>(capacity);
  const get = (wanted: string) =>
    cache.get(wanted, (text) => {
      computed.push(text);
      return text.length;
    });
  return { cache, get, computed };
}

test("a text is computed once", () => {
  const { get, computed } = lengths(2);
  expect([get("a"), get("bb"), get("a")]).toEqual([1, 2, 1]);
  expect(computed).toEqual(["a", "bb"]);
});

test("it never remembers more than twice its capacity", () => {
  const { cache, get } = lengths(10);
  for (let index = 0; index < 1000; index++) {
    expect(get(String(index))).toBe(String(index).length);
    expect(cache.size).toBeLessThanOrEqual(20);
  }
});

test("what is used stays, what is not used goes", () => {
  const { get, computed } = lengths(3);
  for (let index = 0; index < 100; index++) {
    get("used");
    get(`${index}`);
  }
  expect(computed.filter((text) => text === "used")).toHaveLength(1);
  get("0");
  expect(computed.filter((text) => text === "0")).toHaveLength(2);
});

test("a long text is computed each time and pushes nothing out", () => {
  const { get, computed } = lengths(1);
  const long = "x".repeat(8193);
  get("a");
  for (let count = 0; count < 3; count++) expect(get(long)).toBe(8193);
  get("a");
  expect(computed).toEqual(["a", long, long, long]);
});

test("an error is not remembered", () => {
  let attempts = 0;
  const cache = new TextCache();
  const fail = () => {
    attempts++;
    throw new Error("no");
  };
  expect(() => cache.get("a", fail)).toThrow("no");
  expect(() => cache.get("a", fail)).toThrow("no");
  expect(attempts).toBe(2);
});
