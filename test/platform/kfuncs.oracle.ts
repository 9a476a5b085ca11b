import { expect, it } from "vitest";
import { BtfKind } from "../../src/btf/index.ts";
import { ProgramBuilder, r0 } from "../../src/isa/index.ts";
import { canBeSleepable, KFUNC_SETS, KfuncFlag, kfuncFlags } from "../../src/platform/index.ts";
import { KFUNC_SETS_6_1 } from "../../src/platform/kfuncs/linux-6-1.ts";
import { describeWith } from "../support/referee.ts";
import { kindName, liveProber, type Prober, probeKinds, type Verdict } from "./live-probe.ts";

/** The second one is Debian 12's: `vm-run`. */
const { needs, prober, release } = await liveProber("6.18", "6.1");

const NOT_ALLOWED = /calling kernel function \w+ is not allowed/;
const SLEEPS = /program must be sleepable to call sleepable kfunc/;
/** Since 6.2 what the kernel has to be called is marked in its types. */
const MARKED = release === "6.18";
const DEVICE_BOUND = /metadata kfuncs require device-bound program/;

/** All functions that any release has for programs, as far as this kernel has them at all. */
function named(linux: Prober): Map<string, number> {
  const found = new Map<string, number>();
  for (const { functions } of [...KFUNC_SETS, ...KFUNC_SETS_6_1]) {
    for (const name of Object.keys(functions)) {
      const id = linux.btf.findByName(name, BtfKind.FUNC);
      if (id !== 0) found.set(name, id);
    }
  }
  return found;
}

describeWith(needs, "kernel functions by type of program, as Linux has them", () => {
  const linux = prober();
  // Where such programs may not sleep, that is all that the kernel says.
  const kinds = probeKinds().filter(
    (kind) =>
      linux.loads(kind) &&
      (!kind.sleepable || canBeSleepable(kind.type.type, kind.expectedAttachType, release)),
  );
  const functions = MARKED ? linux.kfuncs() : named(linux);

  const call = (id: number) => new ProgramBuilder().callKfunc(id).mov64(r0, 0).exit().insns();
  const answer = ({ accepted, log }: Verdict): string => {
    if (NOT_ALLOWED.test(log)) return "not allowed";
    if (DEVICE_BOUND.test(log)) return "device bound";
    return SLEEPS.test(log) ? "sleeps" : accepted || log !== "" ? "arguments" : "nothing";
  };

  it("are known", () => {
    expect(functions.size).toBeGreaterThan(MARKED ? 150 : 20);
  });

  it.each(kinds.map((kind) => [kindName(kind), kind] as const))("%s", (_, kind) => {
    const wrong: string[] = [];
    for (const [name, id] of functions) {
      const says = answer(linux.try(kind, call(id)));
      const flags = kfuncFlags(name, { ...kind, programType: kind.type.type, kernel: release });
      let ours = "arguments";
      if (flags === null) ours = "not allowed";
      // 6.1 looked at the arguments first.
      else if ((flags & KfuncFlag.SLEEPABLE) !== 0 && !kind.sleepable && MARKED) ours = "sleeps";
      if (says === "device bound") continue;
      if (says !== ours) wrong.push(`${name}: ${says}, ours: ${ours}`);
    }
    expect(wrong).toEqual([]);
  });
});
