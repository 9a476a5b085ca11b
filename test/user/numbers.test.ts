import { describe, expect, it } from "vitest";
import { countText, durationText, percentText, shortText } from "../../src/user/index.ts";

describe("numbers for people", () => {
  it.each([
    [0, "0"],
    [999, "999"],
    [1000, "1,000"],
    [1_234_567, "1,234,567"],
    [2n ** 64n - 1n, "18,446,744,073,709,551,615"],
  ])("count %s", (value, text) => {
    expect(countText(value)).toBe(text);
  });

  it.each([
    [0, "0"],
    [12, "12"],
    [999, "999"],
    [999.6, "1.00 k"],
    [1234, "1.23 k"],
    [31_240, "31.2 k"],
    [312_400, "312 k"],
    [999_600, "1.00 M"],
    [5e15, "5000 T"],
  ])("short %s", (value, text) => {
    expect(shortText(value)).toBe(text);
  });

  it.each([
    [2.5, "2.50 s"],
    [0.25, "250 ms"],
    [0.0123, "12.3 ms"],
    [0.00025, "250 µs"],
    [4.1e-6, "4.1 µs"],
    [7.7e-8, "77 ns"],
    [0, "0 ns"],
  ])("duration %s", (seconds, text) => {
    expect(durationText(seconds)).toBe(text);
  });

  it.each([
    [0, 0, "0 %"],
    [0, 5, "0.0 %"],
    [1, 3755, "<0.1 %"],
    [12, 3755, "0.3 %"],
    [5, 5, "100.0 %"],
  ])("share %s of %s", (part, whole, text) => {
    expect(percentText(part, whole)).toBe(text);
  });
});
