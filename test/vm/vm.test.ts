import { describe, expect, it } from "vitest";
import { FormatError } from "../../src/base/index.ts";
import { encode, type Insn, ProgramBuilder, r0, r1, r2, r3, r4, r5, r6, r10 } from "../../src/isa/index.ts";
import { CodeError, Vm, VmFault, type VmOptions } from "../../src/vm/index.ts";
import { CODE_BASE_HIGH } from "../../src/vm/signatures.ts";
import { ENGINES } from "./support.ts";

const program = () => new ProgramBuilder();

describe.each(ENGINES)("engine %s", (engine) => {
  const machine = (code: Uint8Array | readonly Insn[], options: VmOptions = {}) =>
    new Vm(code, { engine, ...options });

  describe("the bare machine", () => {
    it("takes bytes and slots", () => {
      const insns = program().mov64(r0, -1).exit().insns();
      expect(machine(insns).run()).toBe(0xffff_ffff_ffff_ffffn);
      expect(machine(encode(insns)).run(new Uint8Array(0))).toBe(0xffff_ffff_ffff_ffffn);
    });

    it("gives the memory in r1 and its length in r2, and what was written back", () => {
      const memory = Uint8Array.of(1, 2, 3, 4, 5);
      const vm = machine(
        program()
          .ldx("w", r0, r1, 1)
          .st("b", r1, 4, 9)
          .alu64("lsh", r2, 32)
          .alu64("or", r0, r2)
          .exit()
          .insns(),
      );
      expect(vm.run(memory)).toBe(0x5_0504_0302n);
      expect([...memory]).toEqual([1, 2, 3, 4, 9]);
      expect(vm.executed).toBe(5);
    });

    it("without memory r1 and r2 are 0", () => {
      expect(machine(program().mov64(r0, r1).alu64("or", r0, r2).exit().insns()).run()).toBe(0n);
    });

    it("a part of a larger buffer is all it sees", () => {
      const buffer = new Uint8Array(64).fill(7);
      const vm = machine(program().ldx("b", r0, r1, 16).exit().insns());
      expect(vm.run(buffer.subarray(8, 40))).toBe(7n);
      expect(() => vm.run(buffer.subarray(8, 24))).toThrow(VmFault);
    });

    it("faults with fields, and keeps what was written until then", () => {
      const memory = new Uint8Array(8);
      const vm = machine(program().st("w", r1, 0, 5).ldx("dw", r0, r1, 1).exit().insns(), { name: "p" });
      let fault: unknown;
      try {
        vm.run(memory);
      } catch (error) {
        fault = error;
      }
      expect(fault).toBeInstanceOf(VmFault);
      expect(fault).toMatchObject({ kind: "access", slot: 1, name: "VmFault" });
      expect((fault as VmFault).message).toMatch(
        /^program p: slot 1: expected 8 readable bytes, got the memory, 1 bytes past its end: 0xffff8000/,
      );
      expect(memory[0]).toBe(5);
    });

    it("has a budget", () => {
      const endless = program().ja(-1).insns();
      expect(() => machine(endless, { budget: 1000 }).run()).toThrow(
        "expected at most 1000 instructions, got more",
      );
      const straight = program().mov64(r0, 1).mov64(r0, 2).exit().insns();
      expect(machine(straight, { budget: 3 }).run()).toBe(2n);
      expect(() => machine(straight, { budget: 2 }).run()).toThrow(VmFault);
      expect(() => machine(straight, { budget: -1 })).toThrow("expected a budget");
      expect(() => machine(straight, { budget: Number.NaN })).toThrow("expected a budget");
      expect(machine(straight, { budget: Number.POSITIVE_INFINITY }).run()).toBe(2n);
    });

    it("calls helpers of the host by number", () => {
      const insns = program()
        .mov64(r1, -1)
        .mov64(r2, 2)
        .mov64(r3, 3)
        .mov64(r4, 4)
        .mov64(r5, 5)
        .call(500)
        .exit()
        .insns();
      const seen: bigint[] = [];
      const helper = (...args: readonly unknown[]) => {
        seen.push(...(args.slice(0, 5) as bigint[]));
        return -2n;
      };
      expect(machine(insns, { helpers: { 500: helper } }).run()).toBe(0xffff_ffff_ffff_fffen);
      expect(seen).toEqual([0xffff_ffff_ffff_ffffn, 2n, 3n, 4n, 5n]);
      expect(machine(insns, { helpers: new Map([[500, () => 1n << 65n]]) }).run()).toBe(0n);
      expect(() => machine(insns)).toThrow("slot 5: expected a helper that exists, got helper 500");
    });

    it("calls through registers reach the same helpers", () => {
      const insns = program().mov64(r6, 500).mov64(r1, 20).callx(r6).exit().insns();
      expect(machine(insns, { helpers: { 500: (a) => a + 1n } }).run()).toBe(21n);
      expect(() => machine(insns).run()).toThrow("expected a function to call");
    });

    it("lets helpers see the program's memory and stack, and nothing else", () => {
      const insns = program()
        .st("dw", r10, -8, 0x4142)
        .mov64(r2, r10)
        .alu64("add", r2, -8)
        .call(1)
        .ldx("b", r0, r1, 0)
        .exit()
        .insns();
      const found: (string | null)[] = [];
      const vm = machine(insns, {
        helpers: {
          1: (memory, stack, _c, _d, _e, view) => {
            const text = (bytes: Uint8Array | null) =>
              bytes === null ? null : String.fromCharCode(...bytes);
            found.push(text(view.bytes(memory, 2)), text(view.bytes(stack, 2)), text(view.bytes(memory, 3)));
            found.push(
              text(view.bytes(stack + 8n, 1)),
              text(view.bytes(0n, 1)),
              text(view.bytes(memory, -1)),
            );
            view.bytes(memory, 1)![0] = 99;
            return 0n;
          },
        },
      });
      // Calls leave r1 as it was here, which RFC 9669 does not promise.
      expect(vm.run(Uint8Array.of(0x61, 0x62))).toBe(99n);
      expect(found).toEqual(["ab", "BA", null, null, null, null]);
    });

    it("may be run by a helper of another one", () => {
      const inner = machine(program().ldx("b", r0, r1, 0).alu64("add", r0, 1).exit().insns());
      const outer = machine(
        program().mov64(r6, r1).call(1).ldx("b", r1, r6, 0).alu64("add", r0, r1).exit().insns(),
        {
          helpers: { 1: () => inner.run(Uint8Array.of(40)) },
        },
      );
      expect(outer.run(Uint8Array.of(1))).toBe(42n);
    });

    it("goes on after a helper threw", () => {
      const vm = machine(program().call(1).exit().insns(), {
        helpers: {
          1: () => {
            throw new Error("out of order");
          },
        },
      });
      expect(() => vm.run()).toThrow("out of order");
      expect(machine(program().mov64(r0, 3).exit().insns()).run()).toBe(3n);
    });

    it("keeps machines apart", () => {
      const writer = machine(program().st("dw", r10, -8, 77).st("b", r1, 0, 77).mov64(r0, 0).exit().insns());
      const reader = machine(program().ldx("dw", r0, r10, -8).exit().insns());
      writer.run(new Uint8Array(4096));
      expect(reader.run(new Uint8Array(4096))).toBe(0n);
    });

    it("is cheap: many of them share one memory", () => {
      // Each has a module of its own under the JIT.
      const count = engine === "jit" ? 2000 : 20_000;
      const machines = Array.from({ length: count }, (_, i) =>
        machine(program().mov64(r0, i).exit().insns()),
      );
      expect(machines.reduce((sum, vm) => sum + Number(vm.run()), 0)).toBe((count * (count - 1)) / 2);
    });

    it("takes large programs and memories", () => {
      const many = program();
      for (let i = 0; i < 100_000; i++) many.alu64("add", r0, 1);
      expect(machine(many.exit().insns()).run(new Uint8Array(3_000_000))).toBe(100_000n);
      const last = machine(program().alu64("add", r1, r2).ldx("b", r0, r1, -1).exit().insns());
      const memory = new Uint8Array(5_000_000);
      memory[4_999_999] = 8;
      expect(last.run(memory)).toBe(8n);
    });
  });

  describe("code that the bare machine refuses", () => {
    it("bytes that are no slots", () => expect(() => machine(new Uint8Array(7))).toThrow(FormatError));
    it("no code", () => expect(() => machine([])).toThrow("the program has no instructions"));
    it("an engine that there is not", () => {
      const engine = "fast" as "jit";
      expect(() => machine(program().exit().insns(), { engine })).toThrow(
        "expected engine interp or jit, got fast",
      );
    });
    it("packet access", () => {
      expect(() => machine(program().ldAbs("b", 0).exit().insns())).toThrow(/ld_abs_b is of group packet/);
    });
    it("an instruction that there is not", () => {
      const bad = () => machine([{ opcode: 0xff, dst: 0, src: 0, off: 0, imm: 0 }]);
      expect(bad).toThrow(CodeError);
      expect(bad).toThrow("program vm: slot 0: unknown instruction: opcode 0xff");
    });
    it("a write to r10", () => {
      expect(() => machine(program().mov64(r10, 0).exit().insns())).toThrow(
        "the frame pointer r10 is read-only",
      );
    });
    it("running past the end", () => {
      expect(() => machine(program().mov64(r0, 0).insns())).toThrow("neither an exit nor a jump");
    });
  });

  describe("addresses of functions in registers", () => {
    // The table that they index holds functions of the engine itself too.
    it.each([0, 1, 2, 63, 64, 0x7fff_ffff, -1])("index %i is none of the program's", (index) => {
      const wide = program().ldImm64(r2, (BigInt(CODE_BASE_HIGH) << 32n) | BigInt(index >>> 0));
      const run = () => machine(wide.callx(r2).exit().insns()).run();
      expect(run).toThrow(VmFault);
      expect(run).toThrow("expected a function to call");
    });
  });
});
