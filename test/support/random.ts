import { Random } from "../../src/cli/torture/random";

export { Random };

/** The seed from the environment variable SEED, or a new one. */
export function chooseSeed(): number {
  const given = process.env.SEED;
  return given === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(given);
}

/** A test that is different each time; where it fails, it says how to repeat it. */
export function randomTest(name: string, body: (random: Random) => Promise<void>): void {
  test(name, async () => {
    const random = new Random(chooseSeed());
    try {
      await body(random);
    } catch (error) {
      if (error instanceof Error) {
        error.message = `${error.message}\n\nRepeat it with SEED=${random.seed}`;
        error.stack = `${error.message}\n${error.stack ?? ""}`;
      }
      throw error;
    }
  });
}
