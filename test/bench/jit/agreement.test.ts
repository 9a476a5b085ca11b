import { describe, expect, it } from "vitest";
import { disagreement } from "../../../bench/jit/agreement.ts";
import type { Contender, EngineName } from "../../../bench/jit/contender.ts";
import { PROGRAMS } from "../../../bench/jit/programs.ts";

function pretended(engine: EngineName, result: number, map: readonly string[] | null): Contender {
  return {
    engine,
    run: () => result,
    time: () => null,
    maps: () => (map === null ? null : new Map([["entries", map]])),
    [Symbol.dispose]: () => {},
  };
}

describe("agreement", () => {
  const program = PROGRAMS[0]!;

  it("is of results", () => {
    const contenders = [pretended("live", 1, null), pretended("native", 1, null), pretended("jit", 2, null)];
    expect(disagreement(program, contenders)).toBe("packet 0: live gives 1, jit 2");
  });

  it("is of maps, where there are any", () => {
    const native = pretended("native", 1, null);
    const contenders = [native, pretended("live", 1, ["00: 01", "01: 02"]), pretended("jit", 1, ["00: 01"])];
    expect(disagreement(program, contenders)).toBe("map entries: live has 01: 02, jit undefined");
    expect(disagreement(program, [native, pretended("jit", 1, [])])).toBeNull();
  });
});
