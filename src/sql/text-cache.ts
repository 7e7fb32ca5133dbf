// A longer text is rarely sent twice, and would only push out many short ones.
const LONGEST_TEXT = 8192;

/**
 * Remembers what was computed from a text for the texts used last, at least `capacity` and at most twice as many.
 *
 * There are two generations instead of a list in order of use, so that a hit is one lookup and moves nothing: when the
 * young generation is full it becomes the old one, and what is used from the old one is young again.
 */
export class TextCache<T> {
  #young = new Map<string, T>();
  #old = new Map<string, T>();
  readonly #capacity: number;

  constructor(capacity = 500) {
    this.#capacity = capacity;
  }

  /** What `compute` gave for the text. When it throws, nothing is remembered. */
  get(text: string, compute: (text: string) => T): T {
    const remembered = this.#young.get(text);
    if (remembered !== undefined) return remembered;
    if (text.length > LONGEST_TEXT) return compute(text);
    const value = this.#old.get(text) ?? compute(text);
    if (this.#young.size >= this.#capacity) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(text, value);
    return value;
  }

  /** How many texts are remembered; one that became young again may count twice. */
  get size(): number {
    return this.#young.size + this.#old.size;
  }
}
