import { describe, expect, it } from "vitest";
import { createHelpers } from "../../../src/helpers/index.ts";
import { r0, r1, r2, r3, r4 } from "../../../src/isa/index.ts";
import { defaultLayout } from "../../../src/platform/index.ts";
import { Bench, type Build, TIERS, type Tier } from "../support.ts";

/** A callback that calls itself back through `bpf_loop`, until no stack is left. Its first slot is 8. */
const endless: Build = (b) =>
  b
    .mov64(r1, 1)
    .ldFunc(r2, "body")
    .mov64(r3, 0)
    .mov64(r4, 0)
    .call(181)
    .mov64(r0, 0)
    .exit()
    .label("body")
    .mov64(r1, 1)
    .ldFunc(r2, "body")
    .mov64(r3, 0)
    .mov64(r4, 0)
    .call(181)
    .exit();

describe("a callback that finds no stack left", () => {
  const slotOf = (engine: Tier) => {
    const bench = new Bench(createHelpers(defaultLayout()), engine);
    bench.compile(endless).run(0);
    expect(bench.executor.fault?.kind).toBe("stack");
    return bench.executor.fault?.slot;
  };

  it.each(TIERS)("ends the run where it begins, on %s", (tier) => {
    expect(slotOf(tier)).toBe(8);
  });
});
