import { describe, expect, it } from "vitest";
import { lineThrough } from "../../../bench/jit/compile-time.ts";

describe("the line through times of compilation", () => {
  it("is the one that they are on", () => {
    const rows = [100, 1000, 10_000].map((instructions) => ({
      instructions,
      compile: (500 + 2 * instructions) / instructions,
    }));
    const { fixed, each } = lineThrough(rows);
    expect(fixed).toBeCloseTo(500);
    expect(each).toBeCloseTo(2);
  });
});
