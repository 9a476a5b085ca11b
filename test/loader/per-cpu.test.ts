import { describe, expect, it } from "vitest";
import { PerCpu } from "../../src/loader/index.ts";

describe("PerCpu", () => {
  it("sums numbers, structs and lists, member by member", () => {
    expect(PerCpu.from([1, 2, 3]) as PerCpu<number>).toHaveLength(3);
    const of = <V>(...values: V[]) => {
      const all = new PerCpu<V>();
      for (const value of values) all.push(value);
      return all;
    };
    expect(of(1, 2, 3).sum()).toBe(6);
    expect(of(2n ** 63n, 2n ** 63n).sum()).toBe(2n ** 64n);
    expect(
      of({ n: 1n, l: [1, 2], s: "a", in: { x: 1 } }, { n: 2n, l: [3, 4], s: "b", in: { x: 5 } }).sum(),
    ).toEqual({
      n: 3n,
      l: [4, 6],
      s: "a",
      in: { x: 6 },
    });
  });

  it("gives plain arrays when mapped", () => {
    const values = new PerCpu<number>();
    values.push(4);
    expect(values.map((value) => value * 2)).not.toBeInstanceOf(PerCpu);
    expect(values[0]).toBe(4);
  });
});
