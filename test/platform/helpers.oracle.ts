import { expect, it } from "vitest";
import { ProgramBuilder, r0 } from "../../src/isa/index.ts";
import { HELPER_PROTOTYPES, isAllowed, prototypeOf } from "../../src/platform/index.ts";
import { BpfProgType } from "../../src/uapi/index.ts";
import { describeWith } from "../support/referee.ts";
import { kindName, liveProber, probeKinds } from "./live-probe.ts";

/** The second one is Debian 12's: `vm-run`. */
const { needs, prober, release } = await liveProber("6.18", "6.1");

/** `verbose` of `check_helper_call`. */
const NOT_FOR_TYPE = /program of this type cannot use helper/;
const UNKNOWN = /(invalid|unknown) func/;
const NOT_ALLOWED = /helper call is not allowed in probe/;
const GPL = /cannot call GPL-restricted function from non-GPL compatible program/;
const SLEEPS = /helper call might sleep in a non-sleepable prog/;
/** Their programs have to be under such a licence to be looked at. */
const GPL_ONLY: ReadonlySet<number> = new Set([BpfProgType.LSM, BpfProgType.STRUCT_OPS]);

describeWith(needs, "helpers by type of program, as Linux has them", () => {
  const linux = prober();
  const kinds = probeKinds().filter((kind) => linux.loads(kind));
  const call = (id: number) => new ProgramBuilder().call(id).mov64(r0, 0).exit().insns();
  const lockdown = linux.lockdown();
  /** What Linux says of a call before it looks at arguments. */
  const answer = (log: string): string => {
    // What Linux calls unknown since 6.11 is not in the list at all.
    if (UNKNOWN.test(log)) return release === "6.18" ? "unknown" : "not for this type";
    if (NOT_FOR_TYPE.test(log)) return "not for this type";
    if (GPL.test(log)) return "GPL only";
    if (NOT_ALLOWED.test(log)) return "not allowed";
    return SLEEPS.test(log) ? "might sleep" : "arguments";
  };
  /** The same from our tables, in Linux's order. */
  const expected = (id: number, kind: (typeof kinds)[number], gpl: boolean): string => {
    const traits = { ...kind, programType: kind.type.type, lockdown, kernel: release };
    const prototype = prototypeOf(id, traits);
    if (prototype === null) return "not for this type";
    if (prototype.gplOnly && !gpl) return "GPL only";
    if (!isAllowed(prototype, traits)) return "not allowed";
    return prototype.mightSleep && !kind.sleepable ? "might sleep" : "arguments";
  };

  it("are asked of nearly every type", () => {
    const types = new Set(kinds.map(({ type }) => type.name));
    expect(types.size).toBeGreaterThanOrEqual(26);
  });

  it.each(kinds.map((kind) => [kindName(kind), kind] as const))("%s", (_, kind) => {
    const wrong: string[] = [];
    for (const { id, name } of HELPER_PROTOTYPES.values()) {
      const licenses = GPL_ONLY.has(kind.type.type) ? ["GPL"] : ["GPL", "Proprietary"];
      for (const license of licenses) {
        const says = answer(linux.try(kind, call(id), license).log);
        const ours = expected(id, kind, license === "GPL");
        if (says !== ours) wrong.push(`${name} ${license}: ${says}, ours: ${ours}`);
      }
    }
    expect(wrong).toEqual([]);
  });
});
