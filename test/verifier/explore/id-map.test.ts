import { describe, expect, it } from "vitest";
import { IdMap } from "../../../src/verifier/explore/id-map.ts";

function fresh(): IdMap {
  const ids = new IdMap();
  ids.reset(100);
  return ids;
}

describe("ids of two states", () => {
  it("stand for each other once they met", () => {
    const ids = fresh();
    expect(ids.matches(1, 5)).toBe(true);
    expect(ids.matches(1, 5)).toBe(true);
    expect(ids.matches(1, 6)).toBe(false);
    expect(ids.matches(2, 5)).toBe(false);
    expect(ids.matches(2, 6)).toBe(true);
  });

  it("are both 0 or neither", () => {
    const ids = fresh();
    expect([ids.matches(0, 0), ids.matches(0, 1), ids.matches(1, 0)]).toEqual([true, false, false]);
  });

  it("of scalars may be missing in the old state, and are like no other in the current one", () => {
    const ids = fresh();
    expect([ids.matchesScalar(0, 5), ids.matchesScalar(0, 5), ids.matchesScalar(0, 0)]).toEqual([
      true,
      true,
      true,
    ]);
    expect(ids.matchesScalar(6, 5)).toBe(true);
    expect(ids.matchesScalar(7, 0)).toBe(true);
    expect(ids.matchesScalar(7, 0)).toBe(false);
  });

  it("are forgotten before the next comparison", () => {
    const ids = fresh();
    ids.matches(1, 5);
    ids.reset(100);
    expect(ids.matches(1, 6)).toBe(true);
  });

  it("may have the upper bit", () => {
    const ids = fresh();
    expect(ids.matches(1 | 0x8000_0000, 2 | 0x8000_0000)).toBe(true);
    expect(ids.matches(0x8000_0001, 0x8000_0002)).toBe(true);
    expect(ids.matches(0x8000_0001, 2)).toBe(false);
  });
});
