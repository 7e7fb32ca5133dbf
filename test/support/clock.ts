/** A clock that the test moves: what `performance.now()` says runs ahead of the real one by what was added. */
export interface MovableClock {
  /** Makes it this many milliseconds later. */
  advance(milliseconds: number): void;
}

/** For the tests of the file or `describe` that calls this. */
export function movableClock(): MovableClock {
  let ahead = 0;
  beforeEach(() => {
    ahead = 0;
    const now = performance.now.bind(performance);
    jest.spyOn(performance, "now").mockImplementation(() => now() + ahead);
  });
  afterEach(() => jest.restoreAllMocks());
  return {
    advance: (milliseconds) => {
      ahead += milliseconds;
    },
  };
}
