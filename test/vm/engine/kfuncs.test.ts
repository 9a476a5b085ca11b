import { describe, expect, it } from "vitest";
import type { Kfunc } from "../../../src/helpers/index.ts";
import { r0, r1, r2, r3, r6, r10 } from "../../../src/isa/index.ts";
import type { EngineInput } from "../../../src/vm/index.ts";
import { Bench, type Build, built, TIERS } from "../support.ts";

describe.each(TIERS)("engine %s", (engine) => {
  const SUM: Kfunc = {
    name: "sum",
    args: ["u8", "i32", "i64"],
    result: "i64",
    checks: [],
    body: {
      kind: "host",
      call: (call, byte, word, low, high) => {
        call.resultHigh = high!;
        return byte! + word! + low!;
      },
    },
  };

  const FAIL: Kfunc = {
    name: "fail",
    args: [],
    result: "u32",
    checks: [],
    body: { kind: "wasm", emit: (f) => f.i32.const(-22) },
  };

  const NOTHING: Kfunc = {
    name: "nothing",
    args: ["ptr"],
    result: "void",
    checks: [{ kind: "fixedMemory", bytes: 8 }],
    body: { kind: "wasm", emit: (f) => f.nop() },
  };

  const THROW: Kfunc = {
    name: "bpf_throw",
    args: ["i64"],
    result: "void",
    checks: [],
    body: { kind: "engine" },
  };

  const KFUNCS = new Map([SUM, FAIL, NOTHING, THROW].map((kfunc) => [kfunc.name, kfunc]));
  const NAMES = [...KFUNCS.keys()];

  /** Kfuncs are called by their place in the table, from 1. */
  function input(code: Build): Partial<EngineInput> {
    const insns = built(code);
    const kfuncOfSlot = new Map<number, string>();
    for (const [slot, insn] of insns.entries())
      if (insn.opcode === 0x85 && insn.src === 2) kfuncOfSlot.set(slot, NAMES[insn.imm - 1] ?? "unknown");
    return { insns, kfuncs: KFUNCS, kfuncOfSlot };
  }

  describe.each(["checked", "verified"] as const)("kfuncs, %s", (mode) => {
    const bench = new Bench(new Map(), engine);
    const run = (code: Build, more: Partial<EngineInput> = {}) => {
      const { insns = [], ...rest } = input(code);
      return bench.run(bench.compile(insns, { mode, ...rest, ...more }));
    };

    it("get arguments of 1, 4 and 8 bytes, and give 64 bits", () => {
      const value = run((b) =>
        b.ldImm64(r1, 0x1ffn).ldImm64(r2, 0x5_0000_0010n).ldImm64(r3, 0x7_0000_0100n).callKfunc(1).exit(),
      );
      expect(value).toBe(0x7_0000_020fn);
    });

    it("give a negative int as 32 bits", () => {
      expect(run((b) => b.callKfunc(2).exit())).toBe(0xffff_ffean);
    });

    it("without a result leave 0", () => {
      expect(run((b) => b.mov64(r0, 5).mov64(r1, r10).alu64("add", r1, -8).callKfunc(3).exit())).toBe(0n);
    });

    it("without a body are refused when the program is compiled", () => {
      expect(() => run((b) => b.callKfunc(9).exit())).toThrow("expected a kfunc that exists, got kfunc 9");
    });

    it("bpf_throw: the cookie is the result, however deep it was thrown", () => {
      const code: Build = (b) =>
        b
          .mov64(r6, 1)
          .callLocal("f")
          .mov64(r0, 2)
          .exit()
          .label("f")
          .callLocal("g")
          .mov64(r0, 3)
          .exit()
          .label("g")
          .ldImm64(r1, 0x1_0000_0007n)
          .callKfunc(4)
          .mov64(r0, 4)
          .exit();
      expect(run(code)).toBe(0x1_0000_0007n);
      // Another run begins with a stack in order.
      expect(run((b) => b.mov64(r0, 6).exit())).toBe(6n);
    });

    it("bpf_throw: nothing need come behind it", () => {
      expect(run((b) => b.mov64(r1, 5).callKfunc(4))).toBe(5n);
      const inLast: Build = (b) =>
        b.mov64(r6, r1).callLocal("f").mov64(r0, 2).exit().label("f").mov64(r1, 6).callKfunc(4);
      expect(run(inLast)).toBe(6n);
      const sometimes: Build = (b) =>
        b
          .mov64(r1, 1)
          .callLocal("f")
          .mov64(r1, 3)
          .callLocal("f")
          .exit()
          .label("f")
          .branch("jgt", r1, 2, "throw")
          .mov64(r0, 7)
          .exit()
          .label("throw")
          .callKfunc(4);
      expect(run(sometimes)).toBe(3n);
    });

    it("bpf_throw: the program's own function goes on in the main function's frame", () => {
      const code: Build = (b) =>
        b
          .st("dw", r10, -8, 40)
          .callLocal("f")
          .exit()
          .label("f")
          .mov64(r1, 2)
          .callKfunc(4)
          .exit()
          .ldx("dw", r0, r10, -8)
          .alu64("add", r0, r1)
          .exit();
      expect(run(code, { exceptionCallback: 6 })).toBe(42n);
    });
  });

  describe("arguments of kfuncs", () => {
    it("are tested in checked mode, and named in the fault", () => {
      const bench = new Bench(new Map(), engine);
      const { insns = [], ...rest } = input((b) => b.mov64(r1, 64).callKfunc(3).exit());
      const program = bench.compile(insns, { mode: "checked", ...rest });
      expect(() => bench.run(program)).toThrow(
        "argument at 1: argument 1 of kfunc nothing: expected 8 readable bytes",
      );
    });
  });
});
