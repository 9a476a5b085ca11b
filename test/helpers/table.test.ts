import { describe, expect, it } from "vitest";
import { createHelpers } from "../../src/helpers/index.ts";
import { r0 } from "../../src/isa/index.ts";
import {
  defaultLayout,
  HELPER_PROTOTYPES,
  INTERNAL_SYMBOLS,
  PROGRAM_TYPES,
  prototypeOf,
} from "../../src/platform/index.ts";
import { HelperBench } from "./support.ts";

const helpers = createHelpers(defaultLayout());

describe("the table of helpers", () => {
  it("has names, arguments and checks as the prototypes say", () => {
    for (const [id, helper] of helpers) {
      expect(helper.id).toBe(id);
      const prototype = HELPER_PROTOTYPES.get(id);
      if (prototype === undefined) {
        expect(INTERNAL_SYMBOLS[id]).toBeDefined();
        continue;
      }
      expect(helper.name).toBe(prototype.name);
      // bpf_trace_printk reads arguments of which Linux's prototype says nothing.
      expect(helper.args.length, helper.name).toBeGreaterThanOrEqual(prototype.args.length);
      expect(helper.checks.length, helper.name).toBe(prototype.args.length);
      for (const [i, { kind }] of helper.checks.entries()) {
        if (kind !== "anything" && kind !== "function")
          expect(helper.args[i], `${helper.name} ${i}`).toBe("ptr");
      }
    }
  });

  it("has what rewritten code calls", () => {
    for (const id of Object.keys(INTERNAL_SYMBOLS)) expect(helpers.has(Number(id))).toBe(true);
  });

  it("has something for every type of program", () => {
    for (const type of PROGRAM_TYPES) {
      // What an extension may call is for the program that it extends to say.
      if (type.name === "unspec" || type.name === "ext") continue;
      expect(
        [...helpers.keys()].some(
          (id) => prototypeOf(id, { programType: type.type, expectedAttachType: 0 }) !== null,
        ),
      ).toBe(true);
    }
  });
});

describe("jiffies64", () => {
  it("counts 250 ticks a second from five minutes before its low half wraps", () => {
    const bench = new HelperBench();
    bench.services.time = 10_000_000_000;
    expect(bench.run(bench.compile((b) => b.mov64(r0, 0).call(118).exit()))).toBe(
      0x1_0000_0000n - 75_000n + 2500n,
    );
  });
});
