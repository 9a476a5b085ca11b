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

describe("programs of the benchmark", () => {
  it.each(PROGRAMS)("$name: both engines agree", (program) => {
    const both = [embedded(program, "interp"), embedded(program, "jit")];
    contenders.push(...both.filter((one) => !isAbsent(one)));
    // What the embedded kernel has no maps for yet, neither engine runs.
    for (const { why } of both.filter(isAbsent)) expect(why).toContain("EOPNOTSUPP");
    expect(disagreement(program, contenders)).toBeNull();
  });

  it.each(PROGRAMS.filter(({ name }) => name !== "tiny"))(
    "$name: its result depends on the packet",
    (program) => {
      const one = embedded(program, "interp");
      if (isAbsent(one)) return;
      contenders.push(one);
      expect(one.run(program.packet, 1)).not.toBe(one.run(new Uint8Array(program.packet.length), 1));
    },
  );
});
