import { describe, expect, it } from "vitest";
import { meansText, type Row, rowText } from "../../../bench/jit/report.ts";
import { geometricMean, quantileOf } from "../../../bench/jit/timing.ts";

const row = (program: string, live: number, jit: number, mapFree = true): Row => ({
  program,
  mapFree,
  times: new Map([
    ["live", live],
    ["jit", jit],
  ]),
  notes: [],
});

describe("a report", () => {
  it("marks what is slow", () => {
    expect(rowText(row("sort", 100, 126))).toMatch(/sort .*1\.26.*> 1\.25\n$/);
    expect(rowText(row("sort", 100, 125))).not.toContain(">");
    expect(rowText(row("tiny", 10, 100))).not.toContain(">");
  });

  it("gives means of what does something, and of it without what a run costs", () => {
    const text = meansText([row("tiny", 20, 10), row("sort", 120, 60), row("array", 120, 210, false)]);
    expect(text).toMatch(/jit\/live, all +0\.94 {2}of 2/);
    expect(text).toMatch(/jit\/live, map-free +0\.50 {2}of 1/);
    expect(text).toMatch(/jit\/live, less tiny +1\.00 {2}of 2/);
    expect(text).toContain("of Linux's time: array\n");
  });
});

describe("numbers", () => {
  it("have quantiles and geometric means", () => {
    expect(quantileOf([5, 1, 3, 2, 4, 6], 0.2)).toBe(2);
    expect(geometricMean([1, 4, 16])).toBeCloseTo(4);
  });
});
