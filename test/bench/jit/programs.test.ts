import { afterEach, describe, expect, it } from "vitest";
import { disagreement } from "../../../bench/jit/agreement.ts";
import type { Absence, Contender } from "../../../bench/jit/contender.ts";
import { embedded } from "../../../bench/jit/in-kernel.ts";
import { PROGRAMS } from "../../../bench/jit/programs.ts";

const contenders: Contender[] = [];
afterEach(() => {
  for (const contender of contenders.splice(0)) contender[Symbol.dispose]();
});

const isAbsent = (one: Contender | Absence): one is Absence => "why" in one;
const isPresent = (one: Contender | Absence): one is Contender => !isAbsent(one);

describe("programs of the benchmark", () => {
  it.each(PROGRAMS)("$name: both engines agree, and the packet matters", (program) => {
    const both = [embedded(program, "interp"), embedded(program, "jit")];
    contenders.push(...both.filter(isPresent));
    // What the embedded kernel has no maps for yet, neither engine runs.
    for (const { why } of both.filter(isAbsent)) expect(why).toContain("EOPNOTSUPP");
    if (contenders.length === 0) return;
    // Both have the same runs, for what they leave in maps.
    const results = [program.packet, new Uint8Array(program.packet.length)].map((packet) => {
      const [interp, jit] = contenders.map((one) => one.run(packet, 1));
      expect(jit).toBe(interp);
      return interp;
    });
    if (program.name !== "tiny") expect(results[0]).not.toBe(results[1]);
    expect(disagreement(program, contenders)).toBeNull();
  });
});
