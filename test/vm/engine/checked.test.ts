import { beforeEach, describe, expect, it } from "vitest";
import { r0, r1, r2, r3, r6, r10 } from "../../../src/isa/index.ts";
import { addressOf, interruptWord, RegionAccess } from "../../../src/mem/index.ts";
import { CodeError, type Fault } from "../../../src/vm/index.ts";
import { Bench, type Build, TIERS } from "../support.ts";

describe.each(TIERS)("engine %s", (engine) => {
  let bench: Bench;
  beforeEach(() => {
    bench = new Bench(new Map(), engine);
  });

  function faultOf(code: Build): Fault {
    const program = bench.compile(code);
    expect(program.run(0)).toBe(0);
    const { fault } = bench.executor;
    if (fault === null) throw new Error("expected a fault, got none");
    program.close();
    return fault;
  }

  describe("accesses in checked mode", () => {
    it("outside every region", () => {
      const fault = faultOf((b) => b.mov64(r0, 1).ldImm64(r1, 0x10n).ldx("dw", r0, r1, 8).exit());
      expect(fault).toEqual({
        kind: "access",
        slot: 3,
        address: 0x18n,
        message: "expected 8 readable bytes, got an address outside the kernel's memory: 0x18",
      });
    });

    it("at a kernel address where nothing is", () => {
      const fault = faultOf((b) => b.ldImm64(r1, addressOf(16)).st("w", r1, 0, 1).exit());
      expect(fault.message).toBe(
        "expected 4 writable bytes, got an address outside every region: 0xffff800000000010",
      );
    });

    it("straddling the end of a region, and its start", () => {
      const block = bench.block(12);
      const past = faultOf((b) => b.ldImm64(r1, addressOf(block)).ldx("dw", r0, r1, 5).exit());
      expect(past.message).toMatch(/^expected 8 readable bytes, got block, 1 bytes past its end: /);
      const before = faultOf((b) => b.ldImm64(r1, addressOf(block)).ldx("h", r0, r1, -1).exit());
      expect(before.kind).toBe("access");
      // Also where the region was the one found last.
      const second = faultOf((b) =>
        b.ldImm64(r1, addressOf(block)).ldx("dw", r0, r1, 4).ldx("dw", r0, r1, 5).exit(),
      );
      expect(second.slot).toBe(3);
      const low = faultOf((b) =>
        b.ldImm64(r1, addressOf(block)).ldx("dw", r0, r1, 4).ldx("dw", r0, r1, -4).exit(),
      );
      expect(low.slot).toBe(3);
    });

    it("writing what is read-only", () => {
      const block = bench.block(16, RegionAccess.READ, "value of map config");
      const fault = faultOf((b) =>
        b.ldImm64(r1, addressOf(block)).ldx("dw", r0, r1, 0).stx("b", r1, r0, 3).exit(),
      );
      expect(fault.slot).toBe(3);
      expect(fault.message).toMatch(
        /^expected 1 writable byte, got value of map config, which is read-only: /,
      );
    });

    it("reading what is write-only, and an atomic operation on it", () => {
      const block = bench.block(16, RegionAccess.WRITE);
      const target = (b: Parameters<Build>[0]) =>
        b.mov64(r0, 1).ldImm64(r1, addressOf(block)).st("dw", r1, 0, 1);
      expect(faultOf((b) => target(b).ldx("dw", r0, r1, 0).exit()).message).toMatch(/which is write-only/);
      expect(faultOf((b) => target(b).atomic("add", "dw", r1, r0, 0).exit()).slot).toBe(4);
    });

    it("only the values inside a series of elements", () => {
      const start = bench.memory.alloc(96, 16);
      bench.memory.regions.add({
        start: start + 8,
        end: start + 96,
        access: RegionAccess.READ_WRITE,
        stride: 32,
        size: 12,
        what: "elements",
      });
      const run = (at: number) => {
        const program = bench.compile((b) =>
          b.ldImm64(r1, addressOf(start)).ldx("w", r0, r1, 8).ldx("w", r0, r1, at).mov64(r0, 1).exit(),
        );
        program.run(0);
        program.close();
        return bench.executor.fault === null;
      };
      expect([8, 16, 17, 20, 36, 40, 48, 49, 72, 80, 81].map(run)).toEqual([
        true,
        true,
        false,
        false,
        false,
        true,
        true,
        false,
        true,
        true,
        false,
      ]);
    });

    it("the stack: 512 bytes below r10, and nothing above", () => {
      const run = (at: number) => {
        const program = bench.compile((b) => b.st("dw", r10, at, 7).ldx("dw", r0, r10, at).exit());
        const low = program.run(0);
        program.close();
        return bench.executor.fault?.kind ?? low;
      };
      expect([-8, -512, -513, -520, -7, 0, 8].map(run)).toEqual([7, 7, ...Array(5).fill("access")]);
      const fault = faultOf((b) => b.ldx("b", r0, r10, -513).exit());
      expect(fault.message).toMatch(/^expected 1 readable byte, got an address outside the stack/);
    });

    it("what an earlier run left on the stack is gone", () => {
      bench.run(bench.compile((b) => b.st("dw", r10, -16, 99).mov64(r0, 0).exit()));
      expect(bench.run(bench.compile((b) => b.ldx("dw", r0, r10, -16).exit()))).toBe(0n);
      expect(bench.run(bench.compile((b) => b.mov64(r0, r6).exit()))).toBe(0n);
    });

    it("a callee reaches its callers' frames, not those of calls that ended", () => {
      const program = bench.compile((b) =>
        b
          .st("dw", r10, -8, 5)
          .mov64(r1, r10)
          .callLocal("callee")
          .exit()
          .label("callee")
          .ldx("dw", r0, r1, -8)
          .exit(),
      );
      expect(bench.run(program)).toBe(5n);
      const fault = faultOf((b) =>
        b.callLocal("callee").ldx("dw", r0, r0, -8).exit().label("callee").mov64(r0, r10).exit(),
      );
      expect(fault).toMatchObject({ kind: "access", slot: 1 });
    });
  });

  describe("bounds of a run", () => {
    const endless: Build = (b) => b.label("top").alu64("add", r0, 1).ja("top");

    it("the budget counts instructions exactly", () => {
      const loop: Build = (b) =>
        b.mov64(r0, 10).label("top").alu64("sub", r0, 1).branch("jne", r0, 0, "top").ldImm64(r0, 3n).exit();
      const program = bench.compile(loop);
      // 1 + 10 * 2 + 1 + 1: the wide load is one instruction.
      bench.executor.budget = 23;
      expect(bench.run(program)).toBe(3n);
      expect(bench.executor.executed).toBe(23);
      bench.executor.budget = 22;
      expect(() => bench.run(program)).toThrow("budget");
    });

    it("counts across calls", () => {
      const program = bench.compile((b) =>
        b
          .callLocal("f")
          .callLocal("f")
          .exit()
          .label("f")
          .branch("jne", r0, 0, "out")
          .mov64(r0, 0)
          .label("out")
          .exit(),
      );
      bench.run(program);
      expect(bench.executor.executed).toBe(9);
    });

    it("ends what does not end", () => {
      bench.executor.budget = 1_000_000;
      const fault = faultOf(endless);
      expect(fault).toMatchObject({
        kind: "budget",
        message: "expected at most 1000000 instructions, got more",
      });
      expect(bench.executor.executed).toBeLessThan(1_000_010);
    });

    it("counts beyond 32 bits of budget", () => {
      bench.executor.budget = 2 ** 40 + 5;
      expect(bench.executor.budget).toBe(2 ** 40 + 5);
      bench.executor.budget = Number.POSITIVE_INFINITY;
      expect(bench.executor.budget).toBe(Number.POSITIVE_INFINITY);
    });

    it("looks at the interrupt word", () => {
      bench.memory.words()[interruptWord(bench.executor.id) >> 2] = 1;
      expect(faultOf(endless)).toMatchObject({ kind: "interrupted", address: null });
      bench.memory.words()[interruptWord(bench.executor.id) >> 2] = 0;
      expect(bench.run(bench.compile((b) => b.mov64(r0, 1).exit()))).toBe(1n);
    });

    it("eight frames, and no more", () => {
      // r1 counts down; each call goes one frame deeper.
      const deep =
        (depth: number): Build =>
        (b) =>
          b
            .mov64(r1, depth)
            .mov64(r0, 0)
            .callLocal("f")
            .exit()
            .label("f")
            .alu64("add", r0, 1)
            .branch("jle", r1, 1, "out")
            .alu64("sub", r1, 1)
            .callLocal("f")
            .label("out")
            .exit();
      expect(bench.run(bench.compile(deep(7)))).toBe(7n);
      expect(faultOf(deep(8))).toMatchObject({ kind: "stack", slot: 7 });
    });

    it("running past the end", () => {
      const program = bench.compile((b) => b.mov64(r0, 1));
      program.run(0);
      expect(bench.executor.fault).toMatchObject({ kind: "instruction", slot: 1 });
    });

    it("may_goto goes on 8 Mi times", () => {
      const loop: Build = (b) =>
        b.mov64(r0, 0).label("top").mayGoto("out").alu64("add", r0, 1).ja("top").label("out").exit();
      expect(bench.run(bench.compile(loop))).toBe(8n * 1024n * 1024n);
      expect(bench.run(bench.compile(loop, { mode: "verified" }))).toBe(8n * 1024n * 1024n);
      bench.memory.words()[interruptWord(bench.executor.id) >> 2] = 1;
      expect(() => bench.run(bench.compile(loop, { mode: "verified" }))).toThrow("interrupted");
    });
  });

  describe("what cannot be compiled", () => {
    const refused: readonly [string, Build, string][] = [
      [
        "a helper that is absent",
        (b) => b.call(77).exit(),
        "slot 0: expected a helper that exists, got helper 77",
      ],
      ["a kfunc", (b) => b.callKfunc(5).exit(), "kfunc 5"],
      ["packet access", (b) => b.ldAbs("w", 0).exit(), "ld_abs_w"],
      ["a map by descriptor", (b) => b.ldPseudo64(r1, 1, 3).exit(), "reference that the kernel resolves"],
      ["a jump that leaves", (b) => b.ja(5).exit(), "expected a target in the program, got slot 6"],
      ["no instruction", (b) => b.raw({ opcode: 0xff, dst: 0, src: 0, off: 0, imm: 0 }), "opcode 0xff"],
      ["a register", (b) => b.raw({ opcode: 0xb7, dst: 13, src: 0, off: 0, imm: 0 }), "r13"],
    ];
    it.each(refused)("%s", (_, code, problem) => {
      expect(() => bench.compile(code)).toThrow(CodeError);
      expect(() => bench.compile(code)).toThrow(problem);
    });

    it("leaves nothing behind", () => {
      expect(() => bench.compile((b) => b.call(77).exit())).toThrow();
      bench.run(bench.compile((b) => b.mov64(r0, 0).exit()));
      const before = bench.memory.used;
      for (let i = 0; i < 10; i++) {
        expect(() => bench.compile((b) => b.call(77).exit())).toThrow();
        const program = bench.compile((b) => b.ldImm64(r3, 1n).mov64(r2, 1).mov64(r0, 0).exit());
        bench.run(program);
        program.close();
        program.close();
      }
      bench.memory.executors.quiesce(0);
      expect(bench.memory.used).toBe(before);
    });
  });
});
