import { expect, it } from "vitest";
import { ProgramBuilder, r0 } from "../../src/isa/index.ts";
import { KfuncFlag, kfuncFlags } from "../../src/platform/index.ts";
import { describeWith } from "../support/referee.ts";
import { kindName, liveProber, probeKinds, type Verdict } from "./live-probe.ts";

const { needs, prober } = await liveProber();

const NOT_ALLOWED = /calling kernel function \w+ is not allowed/;
const SLEEPS = /program must be sleepable to call sleepable kfunc/;
const DEVICE_BOUND = /metadata kfuncs require device-bound program/;

describeWith(needs, "kernel functions by type of program, as Linux has them", () => {
  const linux = prober();
  const kinds = probeKinds().filter((kind) => linux.loads(kind));
  const functions = linux.kfuncs();

  const call = (id: number) => new ProgramBuilder().callKfunc(id).mov64(r0, 0).exit().insns();
  const answer = ({ accepted, log }: Verdict): string => {
    if (NOT_ALLOWED.test(log)) return "not allowed";
    if (DEVICE_BOUND.test(log)) return "device bound";
    return SLEEPS.test(log) ? "sleeps" : accepted || log !== "" ? "arguments" : "nothing";
  };

  it("are known", () => {
    expect(functions.size).toBeGreaterThan(150);
  });

  it.each(kinds.map((kind) => [kindName(kind), kind] as const))("%s", (_, kind) => {
    const wrong: string[] = [];
    for (const [name, id] of functions) {
      const says = answer(linux.try(kind, call(id)));
      const flags = kfuncFlags(name, { ...kind, programType: kind.type.type });
      let ours = "arguments";
      if (flags === null) ours = "not allowed";
      else if ((flags & KfuncFlag.SLEEPABLE) !== 0 && !kind.sleepable) ours = "sleeps";
      if (says === "device bound") continue;
      if (says !== ours) wrong.push(`${name}: ${says}, ours: ${ours}`);
    }
    expect(wrong).toEqual([]);
  });
});
