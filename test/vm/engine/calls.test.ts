import { describe, expect, it } from "vitest";
import { createHelpers } from "../../../src/helpers/index.ts";
import { type Insn, r0, r1, r2, r3, r4, r5, r6, r7, r8, r9, r10 } from "../../../src/isa/index.ts";
import { createMap, MapCode, type MapStorage } from "../../../src/maps/index.ts";
import { addressOf } from "../../../src/mem/index.ts";
import { defaultLayout } from "../../../src/platform/index.ts";
import { BpfMapType, Errno } from "../../../src/uapi/index.ts";
import { Bench, type Build, TIERS } from "../support.ts";

describe.each(TIERS)("engine %s", (engine) => {
  const layout = defaultLayout();
  const helpers = createHelpers(layout);
  const MODES = ["checked", "verified"] as const;

  function mapIn(
    bench: Bench,
    type: number,
    keySize: number,
    valueSize: number,
    maxEntries: number,
  ): MapStorage {
    const storage = createMap(
      {
        memory: bench.memory,
        cpus: 4,
        bpfMapSize: layout.sizeOf("bpf_map"),
        random: () => 5,
        code: new MapCode(bench.memory, bench.executor),
      },
      { type, keySize, valueSize, maxEntries, flags: 0, name: "m" },
    );
    if (typeof storage === "number") throw new Error(`map: ${storage}`);
    return storage;
  }

  describe.each(MODES)("calls, %s", (mode) => {
    const bench = new Bench(helpers, engine);
    const run = (code: Build | readonly Insn[], context = 0) => {
      const program = bench.compile(code, { mode });
      try {
        return bench.run(program, context);
      } finally {
        program.close();
      }
    };

    it("local calls keep r6 to r10 and give r0 back", () => {
      const value = run((b) =>
        b
          .mov64(r6, 1)
          .mov64(r7, 2)
          .mov64(r8, 3)
          .mov64(r9, 4)
          .st("dw", r10, -8, 100)
          .mov64(r1, 10)
          .mov64(r5, 50)
          .callLocal("f")
          .alu64("add", r0, r6)
          .alu64("add", r0, r7)
          .alu64("add", r0, r8)
          .alu64("add", r0, r9)
          .ldx("dw", r1, r10, -8)
          .alu64("add", r0, r1)
          .exit()
          .label("f")
          .mov64(r6, 1000)
          .mov64(r7, 1000)
          .mov64(r8, 1000)
          .mov64(r9, 1000)
          .st("dw", r10, -8, 7)
          .mov64(r0, r1)
          .alu64("add", r0, r5)
          .exit(),
      );
      expect(value).toBe(170n);
    });

    it("frames lie 512 bytes apart", () => {
      const value = run((b) =>
        b.mov64(r1, r10).callLocal("f").exit().label("f").mov64(r0, r1).alu64("sub", r0, r10).exit(),
      );
      expect(value).toBe(512n);
    });

    it("helpers: 64-bit results, sign and zero extension, arguments", () => {
      expect(run((b) => b.call(5).exit())).toBe(1_234_567_890_123n);
      expect(run((b) => b.call(125).exit())).toBe(1_234_567_890_124n);
      expect(run((b) => b.call(7).exit())).toBe(0xdead_beefn);
      bench.executor.cpu = 3;
      expect(run((b) => b.call(8).exit())).toBe(3n);
      bench.executor.cpu = 0;
      // trace_printk refuses a format without a NUL.
      const refused = run((b) =>
        b.st("b", r10, -8, 0x61).mov64(r1, r10).alu64("add", r1, -8).mov64(r2, 1).call(6).exit(),
      );
      expect(BigInt.asIntN(64, refused)).toBe(BigInt(-Errno.EINVAL));
    });

    it("bpf_loop calls back until told to stop", () => {
      const loop =
        (count: number, stop: number): Build =>
        (b) =>
          b
            .st("dw", r10, -8, 0)
            .mov64(r1, count)
            .ldFunc(r2, "body")
            .mov64(r3, r10)
            .alu64("add", r3, -8)
            .mov64(r4, 0)
            .call(181)
            .alu64("lsh", r0, 32)
            .ldx("dw", r1, r10, -8)
            .alu64("or", r0, r1)
            .exit()
            .label("body")
            .ldx("dw", r6, r2, 0)
            .alu64("add", r6, r1)
            .stx("dw", r2, r6, 0)
            .mov64(r0, 0)
            .branch("jlt", r1, stop, "out")
            .mov64(r0, 1)
            .label("out")
            .exit();
      expect(run(loop(10, 100))).toBe((10n << 32n) | 45n);
      expect(run(loop(10, 4))).toBe((5n << 32n) | 10n);
      expect(run(loop(0, 4))).toBe(0n);
      expect(run(loop(100_000, 1 << 30))).toBe((100_000n << 32n) | 4_999_950_000n);
    });

    // Linux's verifier puts a loop in the place of the call, which looks at all of r1.
    it("bpf_loop refuses too many rounds, by all 64 bits of their number", () => {
      const rounds = (count: bigint) =>
        run((b) =>
          b
            .ldImm64(r1, count)
            .ldFunc(r2, "body")
            .mov64(r3, 0)
            .mov64(r4, 0)
            .call(181)
            .exit()
            .label("body")
            .mov64(r0, 0)
            .exit(),
        );
      expect(rounds(3n)).toBe(3n);
      for (const count of [(1n << 32n) | 3n, (1n << 23n) + 1n, -1n])
        expect(rounds(count)).toBe(BigInt.asUintN(32, BigInt(-Errno.E2BIG)));
    });

    it("two maps through helpers", () => {
      const hash = mapIn(bench, BpfMapType.HASH, 8, 16, 10);
      const array = mapIn(bench, BpfMapType.ARRAY, 4, 8, 2);
      const program = bench.compile(
        (b) =>
          b
            // hash[7] = { 41, 1 }
            .st("dw", r10, -8, 7)
            .st("dw", r10, -24, 41)
            .st("dw", r10, -16, 1)
            .ldImm64(r1, addressOf(hash.offset))
            .mov64(r2, r10)
            .alu64("add", r2, -8)
            .mov64(r3, r10)
            .alu64("add", r3, -24)
            .mov64(r4, 0)
            .call(2)
            .branch("jne", r0, 0, "out")
            .ldImm64(r1, addressOf(hash.offset))
            .mov64(r2, r10)
            .alu64("add", r2, -8)
            .call(1)
            .branch("jeq", r0, 0, "out")
            .mov64(r6, r0)
            // array[1] += hash[7].first + 1
            .st("w", r10, -28, 1)
            .ldImm64(r1, addressOf(array.offset))
            .mov64(r2, r10)
            .alu64("add", r2, -28)
            .call(1)
            .branch("jeq", r0, 0, "out")
            .ldx("dw", r1, r6, 0)
            .alu64("add", r1, 1)
            .atomic("add", "dw", r0, r1, 0)
            // delete hash[7] twice
            .ldImm64(r1, addressOf(hash.offset))
            .mov64(r2, r10)
            .alu64("add", r2, -8)
            .call(3)
            .branch("jne", r0, 0, "out")
            .ldImm64(r1, addressOf(hash.offset))
            .mov64(r2, r10)
            .alu64("add", r2, -8)
            .call(3)
            .label("out")
            .exit(),
        { mode },
      );
      for (let i = 1; i <= 3; i++) {
        expect(BigInt.asIntN(64, bench.run(program))).toBe(BigInt(-Errno.ENOENT));
        expect(bench.memory.view().getBigUint64(array.values + 8, true)).toBe(42n * BigInt(i));
      }
      expect(hash.count).toBe(0);
    });

    it("refuses flags of an update beyond 32 bits", () => {
      const array = mapIn(bench, BpfMapType.ARRAY, 4, 8, 1);
      const value = run((b) =>
        b
          .st("dw", r10, -8, 0)
          .ldImm64(r1, addressOf(array.offset))
          .mov64(r2, r10)
          .alu64("add", r2, -8)
          .mov64(r3, r2)
          .ldImm64(r4, 1n << 32n)
          .call(2)
          .exit(),
      );
      expect(BigInt.asIntN(64, value)).toBe(BigInt(-Errno.EINVAL));
    });

    describe("tail calls", () => {
      const programs = mapIn(bench, BpfMapType.PROG_ARRAY, 4, 4, 4);
      const tail = (b: Parameters<Build>[0], index: number) =>
        b.ldImm64(r2, addressOf(programs.offset)).mov64(r3, index).call(12);
      const context = bench.block(16, 3, "context");

      it("go on where the program is, with its context, and come back where none is", () => {
        const target = bench.compile((b) => b.ldx("dw", r0, r1, 0).alu64("add", r0, 5).exit(), { mode });
        programs.setSlot(1, target.entry);
        bench.memory.view().setBigUint64(context, 37n, true);
        const at = (index: number) => run((b) => tail(b, index).mov64(r0, 7).exit(), context);
        expect([0, 1, 3, 4, -1].map(at)).toEqual([7n, 42n, 7n, 7n, 7n]);
        programs.setSlot(1, 0);
        target.close();
      });

      it("count to 33, over all programs of the run", () => {
        // Counts its own calls in the context, then calls itself.
        const counter = bench.compile(
          (b) => {
            b.mov64(r6, r1).ldx("dw", r0, r1, 0).alu64("add", r0, 1).stx("dw", r1, r0, 0);
            return tail(b, 2).ldx("dw", r0, r6, 0).exit();
          },
          { mode },
        );
        programs.setSlot(2, counter.entry);
        bench.memory.view().setBigUint64(context, 0n, true);
        expect(bench.run(counter, context)).toBe(34n);
        bench.memory.view().setBigUint64(context, 0n, true);
        expect(bench.run(counter, context)).toBe(34n);
      });

      it("from a subprogram end that subprogram only", () => {
        const target = bench.compile(
          (b) => b.mov64(r1, 40).callLocal("f").exit().label("f").mov64(r0, r1).alu64("add", r0, 1).exit(),
          {
            mode,
          },
        );
        programs.setSlot(3, target.entry);
        const value = run((b) => {
          b.mov64(r6, 1).callLocal("f").alu64("add", r0, r6).exit().label("f");
          return tail(b, 3).mov64(r0, 1000).exit();
        }, context);
        expect(value).toBe(42n);
      });

      it("of a program in a tree of subprograms do not multiply", () => {
        // Each activation calls a subprogram twice that tail-calls the program again: Linux counts all of them together.
        const tree = bench.compile(
          (b) => {
            b.mov64(r6, r1)
              .ldx("dw", r0, r1, 8)
              .alu64("add", r0, 1)
              .stx("dw", r1, r0, 8)
              .callLocal("f")
              .mov64(r1, r6);
            b.callLocal("f").ldx("dw", r0, r6, 8).exit().label("f");
            return tail(b, 0).exit();
          },
          { mode },
        );
        programs.setSlot(0, tree.entry);
        bench.memory.view().setBigUint64(context + 8, 0n, true);
        expect(bench.run(tree, context)).toBe(34n);
        programs.setSlot(0, 0);
      });
    });
  });

  // What the optimised tier takes into one module when it knows the array: each result must be that of the table's program.
  describe("tail calls through an array that the program names", () => {
    const bench = new Bench(helpers, engine);
    const programs = mapIn(bench, BpfMapType.PROG_ARRAY, 4, 4, 8);
    const context = bench.block(16, 3, "context");
    const load = (code: Build) =>
      bench.compile(code, { mode: "verified", mapOfSlot: new Map([[0, programs.offset]]) });
    /** Gives a number back. */
    const leaf = (value: number) => load((b) => b.mov64(r0, value).exit());
    const dispatcher: Build = (b) =>
      b.ldx("w", r3, r1, 0).ldImm64(r2, addressOf(programs.offset)).call(12).mov64(r0, 7).exit();
    const fixed =
      (index: number): Build =>
      (b) =>
        b.ldImm64(r2, addressOf(programs.offset)).mov64(r3, index).call(12).mov64(r0, 7).exit();
    const at = (program: ReturnType<typeof load>, index: number) => {
      bench.memory.view().setBigUint64(context, BigInt(index), true);
      return bench.run(program, context);
    };

    it("go on with what the array holds now, not with what it held", () => {
      const [first, second] = [leaf(1), leaf(2)];
      programs.setSlot(0, first.entry);
      const head = load(fixed(0));
      const inner = load(fixed(0));
      programs.setSlot(1, inner.entry);
      const outer = load(fixed(1));
      expect([at(head, 0), at(outer, 0)]).toEqual([1n, 1n]);
      programs.setSlot(0, second.entry);
      expect([at(head, 0), at(outer, 0)]).toEqual([2n, 2n]);
      programs.setSlot(0, 0);
      expect([at(head, 0), at(outer, 0)]).toEqual([7n, 7n]);
      programs.setSlot(0, first.entry);
      expect([at(head, 0), at(outer, 0)]).toEqual([1n, 1n]);
      programs.setSlot(1, 0);
      expect([at(head, 0), at(outer, 0)]).toEqual([1n, 7n]);
      // A program that comes after a closed one may have its index in the table, but is another program.
      first.close();
      const third = leaf(3);
      programs.setSlot(0, third.entry);
      expect(at(head, 0)).toBe(3n);
      programs.setSlot(0, 0);
      for (const program of [head, inner, outer, second, third]) program.close();
    });

    it("by a computed index, to more programs than are compared", () => {
      const leaves = Array.from({ length: 7 }, (_, i) => leaf(100 + i));
      for (const [i, { entry }] of leaves.entries()) programs.setSlot(i, entry);
      const head = load(dispatcher);
      expect([0, 1, 2, 3, 4, 5, 6, 7, 8, 0xffff_ffff].map((i) => at(head, i))).toEqual([
        100n,
        101n,
        102n,
        103n,
        104n,
        105n,
        106n,
        7n,
        7n,
        7n,
      ]);
      programs.setSlot(0, leaves[6]!.entry);
      programs.setSlot(6, leaves[0]!.entry);
      expect([0, 6].map((i) => at(head, i))).toEqual([106n, 100n]);
      for (let i = 0; i < 7; i++) programs.setSlot(i, 0);
      for (const program of [head, ...leaves]) program.close();
    });

    it("around a circle end after 33", () => {
      // Counts in the context, and goes on with the other one.
      const step = (next: number) =>
        load((b) =>
          b
            .mov64(r6, r1)
            .ldx("dw", r0, r1, 8)
            .alu64("add", r0, 1)
            .stx("dw", r1, r0, 8)
            .ldImm64(r2, addressOf(programs.offset))
            .mov64(r3, next)
            .call(12)
            .ldx("dw", r0, r6, 8)
            .exit(),
        );
      const back = step(0);
      programs.setSlot(1, back.entry);
      const there = step(1);
      programs.setSlot(0, there.entry);
      // Made when both are in the array.
      const again = step(0);
      for (const program of [there, back, again]) {
        bench.memory.view().setBigUint64(context + 8, 0n, true);
        expect(bench.run(program, context)).toBe(34n);
      }
      for (let i = 0; i < 2; i++) programs.setSlot(i, 0);
      for (const program of [there, back, again]) program.close();
    });

    it("from a subprogram, to a program with subprograms and a stack of its own", () => {
      const target = load((b) =>
        b
          .st("dw", r10, -8, 5)
          .mov64(r1, 40)
          .callLocal("f")
          .ldx("dw", r1, r10, -8)
          .alu64("add", r0, r1)
          .exit()
          .label("f")
          .mov64(r0, r1)
          .st("dw", r10, -8, 1)
          .ldx("dw", r1, r10, -8)
          .alu64("add", r0, r1)
          .exit(),
      );
      programs.setSlot(3, target.entry);
      const head = load((b) =>
        b
          .mov64(r6, 1)
          .st("dw", r10, -8, 1000)
          .callLocal("f")
          .alu64("add", r0, r6)
          .ldx("dw", r1, r10, -8)
          .alu64("add", r0, r1)
          .exit()
          .label("f")
          .ldImm64(r2, addressOf(programs.offset))
          .mov64(r3, 3)
          .call(12)
          .exit(),
      );
      expect(at(head, 0)).toBe(1047n);
      programs.setSlot(3, 0);
      for (const program of [head, target]) program.close();
    });
  });

  describe("arguments of helpers in checked mode", () => {
    const bench = new Bench(helpers, engine);
    const hash = mapIn(bench, BpfMapType.HASH, 8, 16, 10);
    const fault = (code: Build) => {
      const program = bench.compile(code);
      program.run(0);
      program.close();
      return bench.executor.fault;
    };
    const lookup = (map: bigint, key: (b: Parameters<Build>[0]) => void) =>
      fault((b) => {
        b.ldImm64(r1, map).mov64(r2, r10);
        key(b);
        b.call(1).exit();
      });

    it("a map that is none, or not its start", () => {
      expect(lookup(addressOf(hash.offset), (b) => b.alu64("add", r2, -8))).toBeNull();
      expect(lookup(0n, (b) => b.alu64("add", r2, -8))).toMatchObject({
        kind: "argument",
        slot: 4,
        address: 0n,
        message: "argument 1 of helper 1: expected a map, got an address outside every region: 0x0",
      });
      expect(lookup(addressOf(hash.offset + 8), (b) => b.alu64("add", r2, -8))).toMatchObject({
        kind: "argument",
      });
      expect(lookup(BigInt(hash.offset), (b) => b.alu64("add", r2, -8))).toMatchObject({ kind: "argument" });
    });

    it("a key that does not fit", () => {
      expect(lookup(addressOf(hash.offset), (b) => b.alu64("add", r2, -7))?.message).toMatch(
        /^argument 2 of helper 1: expected 8 readable bytes, got an address outside the stack/,
      );
      expect(lookup(addressOf(hash.offset), (b) => b.mov64(r2, 0))?.kind).toBe("argument");
    });

    it("memory by the size in the next argument", () => {
      const read = (size: number) =>
        fault((b) =>
          b
            .mov64(r1, 0)
            .mov64(r2, 0)
            .mov64(r3, r10)
            .alu64("add", r3, -8)
            .mov64(r4, size)
            .mov64(r5, 0)
            .call(28)
            .exit(),
        );
      expect(read(8)).toBeNull();
      expect(read(0)).toBeNull();
      expect(read(12)).toMatchObject({ kind: "argument" });
      expect(read(-4)).toMatchObject({ kind: "argument" });
    });

    it("a callback that is no subprogram of the program", () => {
      const loop = (address: bigint) =>
        fault((b) => b.mov64(r1, 1).ldImm64(r2, address).mov64(r3, 0).mov64(r4, 0).call(181).exit());
      expect(loop(3n)?.message).toBe(
        "argument 2 of helper 181: expected a subprogram, got another address: 0x3",
      );
      expect(loop(0xffff_8001_0000_0001n)).toMatchObject({ kind: "argument" });
    });

    it("a fault in a callback ends the run", () => {
      const result = fault((b) =>
        b
          .mov64(r1, 100)
          .ldFunc(r2, "body")
          .mov64(r3, 0)
          .mov64(r4, 0)
          .call(181)
          .mov64(r0, 1)
          .exit()
          .label("body")
          .ldx("dw", r0, r2, 0)
          .exit(),
      );
      expect(result).toMatchObject({ kind: "access", slot: 8, address: 0n });
    });

    it("a tail call needs the context", () => {
      const result = fault((b) =>
        b.ldImm64(r1, 5n).ldImm64(r2, addressOf(hash.offset)).mov64(r3, 0).call(12).exit(),
      );
      expect(result?.message).toMatch(/^argument 1 of helper 12: expected the context/);
    });
  });

  describe("calls through registers", () => {
    it("reach helpers by number, and subprograms by address", () => {
      const bench = new Bench(helpers, engine);
      expect(bench.run(bench.compile((b) => b.mov64(r6, 7).callx(r6).exit()))).toBe(0xdead_beefn);
      const local: Build = (b) =>
        b
          .ldFunc(r6, "f")
          .mov64(r1, 40)
          .mov64(r2, 2)
          .callx(r6)
          .exit()
          .label("f")
          .mov64(r0, r1)
          .alu64("add", r0, r2)
          .exit();
      expect(bench.run(bench.compile(local))).toBe(42n);
      const program = bench.compile((b) => b.mov64(r6, 9999).callx(r6).exit());
      program.run(0);
      expect(bench.executor.fault).toMatchObject({ kind: "call", slot: 1 });
    });
  });
});
