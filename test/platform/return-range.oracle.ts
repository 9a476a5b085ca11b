import { expect, it } from "vitest";
import { BtfKind } from "../../src/btf/index.ts";
import { ProgramBuilder, r0 } from "../../src/isa/index.ts";
import { canBeSleepable, returnRange } from "../../src/platform/index.ts";
import { describeWith } from "../support/referee.ts";
import { kindName, liveProber, probeKinds } from "./live-probe.ts";

/** The second one is Debian 12's: `vm-run`. */
const { needs, prober, release } = await liveProber("6.18", "6.1");
const VALUES = [-4096, -4095, -2, -1, 0, 1, 2, 3, 4, 0x7fff_ffff];

describeWith(needs, "what programs may return, as Linux has it", () => {
  const linux = prober();
  // Where such programs may not sleep, that is all that the kernel says.
  const kinds = probeKinds().filter(
    (kind) =>
      linux.loads(kind) &&
      (!kind.sleepable || canBeSleepable(kind.type.type, kind.expectedAttachType, release)),
  );
  const returnsNothing = (target: string | null) => {
    const id = target === null ? 0 : linux.btf.findByName(target, BtfKind.FUNC);
    return id !== 0 && linux.btf.ref(linux.btf.ref(id)) === 0;
  };

  it.each(kinds.map((kind) => [kindName(kind), kind] as const))("%s", (_, kind) => {
    const range = returnRange(
      { ...kind, programType: kind.type.type, kernel: release },
      { void: returnsNothing(kind.attachTarget), pointer: false },
    );
    for (const value of VALUES) {
      const { accepted, log } = linux.try(kind, new ProgramBuilder().mov64(r0, value).exit().insns());
      expect([value, accepted]).toEqual([
        value,
        range === null || (value >= range.min && value <= range.max),
      ]);
      const words =
        release === "6.18" ? `should have been in [${range?.min}, ${range?.max}]` : "should have been in (";
      if (!accepted) expect(log).toContain(words);
    }
  });
});
