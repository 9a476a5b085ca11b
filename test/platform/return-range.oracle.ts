import { expect, it } from "vitest";
import { ProgramBuilder, r0 } from "../../src/isa/index.ts";
import { returnRange } from "../../src/platform/index.ts";
import { describeWith } from "../support/referee.ts";
import { kindName, liveProber, probeKinds } from "./live-probe.ts";

/** The second one is Debian 12's: `vm-run`. */
const { needs, prober, release } = await liveProber("6.18", "6.1");
const VALUES = [-4096, -4095, -2, -1, 0, 1, 2, 3, 4, 0x7fff_ffff];

describeWith(needs, "what programs may return, as Linux has it", () => {
  const linux = prober();
  const kinds = probeKinds().filter((kind) => linux.loads(kind));

  it.each(kinds.map((kind) => [kindName(kind), kind] as const))("%s", (_, kind) => {
    const range = returnRange({ ...kind, programType: kind.type.type, kernel: release });
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
