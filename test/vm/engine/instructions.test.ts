import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Insn, type InsnRow, insnOf, ROWS, wideSlots } from "../../../src/isa/index.ts";
import { createMap } from "../../../src/maps/index.ts";
import { addressOf } from "../../../src/mem/index.ts";
import { defaultLayout } from "../../../src/platform/index.ts";
import { BpfMapFlag, BpfMapType } from "../../../src/uapi/index.ts";
import { Bench, TIERS } from "../support.ts";
import { modelAlu, modelAtomic, modelBranch } from "./model.ts";

describe.each(TIERS)("engine %s", (engine) => {
  const bench = new Bench(new Map(), engine);
  const INTERESTING = [
    0n,
    1n,
    2n,
    0x7fn,
    0x80n,
    0x7fff_ffffn,
    0x8000_0000n,
    0xffff_ffffn,
    0x1_0000_0000n,
    0x7fff_ffff_ffff_ffffn,
    0x8000_0000_0000_0000n,
    0xffff_ffff_0000_0000n,
    0xffff_ffff_ffff_ffffn,
  ];
  const u64 = fc.oneof(fc.constantFrom(...INTERESTING), fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }));
  const i32 = fc.oneof(
    fc.constantFrom(0, 1, -1, 31, 32, 63, 64, 0x7fff_ffff, -0x8000_0000),
    fc.integer({ min: -0x8000_0000, max: 0x7fff_ffff }),
  );
  const registers = fc.tuple(fc.integer({ min: 0, max: 9 }), fc.integer({ min: 0, max: 9 }));

  const EXIT: Insn = { opcode: 0x95, dst: 0, src: 0, off: 0, imm: 0 };
  const load = (register: number, value: bigint): Insn[] => wideSlots(register, 0, value);
  const move = (dst: number, src: number): Insn => ({ opcode: 0xbf, dst, src, off: 0, imm: 0 });

  /** Runs code in both modes, which must agree. */
  function run(insns: readonly Insn[], context = 0): bigint {
    const results = (["checked", "verified"] as const).map((mode) => {
      const program = bench.compile(insns, { mode });
      try {
        return bench.run(program, context);
      } finally {
        program.close();
      }
    });
    expect(results[0]).toBe(results[1]);
    return results[0]!;
  }

  const internal = (row: InsnRow) => row.group === "internal";
  const alu = ROWS.filter((row) => ["alu", "neg", "end", "cast"].includes(row.kind) && !internal(row));
  const branches = ROWS.filter((row) => row.kind === "branch");
  const atomics = ROWS.filter((row) => row.kind === "atomic" && !internal(row));

  describe("ALU instructions", () => {
    it.each(alu.map((row) => [row.name, row] as const))("%s", (_, row) => {
      fc.assert(
        fc.property(u64, u64, i32, registers, (a, b, imm, [dst, src]) => {
          const operand =
            row.source === "imm" ? BigInt(imm) : dst === src ? (row.source === "reg" ? b : a) : b;
          const before = dst === src && row.source === "reg" ? b : a;
          const insns = [...load(dst, a), ...(row.source === "reg" ? load(src, b) : [])];
          insns.push(insnOf(row, dst, src, 0, imm), move(0, dst), EXIT);
          expect(run(insns)).toBe(modelAlu(row, before, operand));
        }),
        { numRuns: 20 },
      );
    });
  });

  describe("conditional jumps", () => {
    it.each(branches.map((row) => [row.name, row] as const))("%s", (_, row) => {
      fc.assert(
        fc.property(u64, u64, i32, registers, fc.boolean(), (a, b, imm, [dst, src], equal) => {
          fc.pre(dst !== src);
          const operand = row.source === "imm" ? BigInt(imm) : equal ? a : b;
          const insns = [...load(dst, a), ...load(src, operand)];
          insns.push(insnOf(row, dst, src, 3, imm), ...load(0, 7n), EXIT, ...load(0, 9n), EXIT);
          expect(run(insns)).toBe(modelBranch(row, a, operand) ? 9n : 7n);
        }),
        { numRuns: 20 },
      );
    });
  });

  describe("atomic instructions", () => {
    const block = bench.block(64);
    it.each(atomics.map((row) => [row.name, row] as const))("%s", (_, row) => {
      fc.assert(
        fc.property(u64, u64, u64, fc.integer({ min: 0, max: 15 }), (memory, b, r0, at) => {
          const view = bench.memory.view();
          const bits = row.size * 8;
          const before = BigInt.asUintN(bits, memory);
          const expected = row.name.startsWith("cmpxchg") && b % 2n === 0n ? before : r0;
          for (const [result, read] of [
            ["memory", [insnOf(findLoad(row.size), 0, 1, at - 8, 0)]],
            ["r0", []],
            ["src", [move(0, 2)]],
          ] as const) {
            const insns = [
              ...load(1, addressOf(block + 8)),
              ...load(2, b),
              ...load(0, expected),
              insnOf(row, 1, 2, at - 8, 0),
              ...read,
              EXIT,
            ];
            for (const mode of ["checked", "verified"] as const) {
              view.setBigUint64(block + at, memory, true);
              const program = bench.compile(insns, { mode });
              const value = bench.run(program);
              program.close();
              const exchange = row.name.startsWith("cmpxchg");
              const model = {
                memory: modelAtomic(row, before, b, expected),
                r0: exchange ? before : expected,
                src: row.fetch && !exchange ? before : b,
              }[result];
              expect(value).toBe(model);
            }
          }
        }),
        { numRuns: 10 },
      );
    });
  });

  function findLoad(size: number): InsnRow {
    return ROWS.find(
      (row) => row.kind === "load" && row.size === size && row.guard === "none" && row.extend === 0,
    )!;
  }

  describe("loads and stores", () => {
    const block = bench.block(64);
    const loads = ROWS.filter((row) => (row.kind === "load" || row.kind === "loadAcquire") && !internal(row));
    const stores = ROWS.filter(
      (row) => (row.kind === "store" || row.kind === "storeRelease") && !internal(row),
    );

    it.each(loads.map((row) => [row.name, row] as const))("%s", (_, row) => {
      fc.assert(
        fc.property(u64, fc.integer({ min: 0, max: 20 }), registers, (memory, at, [dst, src]) => {
          bench.memory.view().setBigUint64(block + at, memory, true);
          const insns = [
            ...load(src, addressOf(block + 30)),
            insnOf(row, dst, src, at - 30, 0),
            move(0, dst),
            EXIT,
          ];
          const value = BigInt.asUintN(row.size * 8, memory);
          const expected = row.extend === 0 ? value : BigInt.asUintN(64, BigInt.asIntN(row.extend, value));
          expect(run(insns)).toBe(expected);
        }),
        { numRuns: 10 },
      );
    });

    it.each(stores.map((row) => [row.name, row] as const))("%s", (_, row) => {
      fc.assert(
        fc.property(u64, i32, fc.integer({ min: 0, max: 20 }), (value, imm, at) => {
          const view = bench.memory.view();
          const insns = [
            ...load(1, addressOf(block)),
            ...load(2, value),
            insnOf(row, 1, 2, at, imm),
            move(0, 1),
            EXIT,
          ];
          view.setBigUint64(block + at, 0x1122_3344_5566_7788n, true);
          run(insns);
          const bits = row.size * 8;
          const stored = BigInt.asUintN(bits, row.source === "imm" ? BigInt(imm) : value);
          const kept = bits === 64 ? 0n : (0x1122_3344_5566_7788n >> BigInt(bits)) << BigInt(bits);
          expect(view.getBigUint64(block + at, true)).toBe(kept | stored);
        }),
        { numRuns: 10 },
      );
    });
  });

  describe("guarded loads", () => {
    const row = ROWS.find(({ name }) => name === "probe_ldx_dw")!;
    const block = bench.block(8);
    bench.memory.view().setBigUint64(block, 42n, true);

    it.each([
      [addressOf(block), 42n],
      [0n, 0n],
      [BigInt(block), 0n],
      [addressOf(0), 0n],
      [0xffff_ffff_ffff_ffffn, 0n],
      [addressOf(0xffff_fffc), 0n],
    ])("of 0x%x gives %i", (address, value) => {
      expect(run([...load(1, address), ...load(0, 1n), insnOf(row, 0, 1, 0, 0), EXIT])).toBe(value);
    });
  });

  it("what a guarded load gives goes into an atomic operation as it is", () => {
    const block = bench.block(16);
    const view = bench.memory.view();
    view.setBigUint64(block, 40n, true);
    view.setBigUint64(block + 8, 2n, true);
    const probe = ROWS.find(({ name }) => name === "probe_ldx_dw")!;
    const add = ROWS.find(({ name }) => name === "atomic_add_dw")!;
    const insns = [...load(1, addressOf(block)), ...load(2, addressOf(block + 8))];
    const code = [...insns, insnOf(probe, 3, 1, 0, 0), insnOf(add, 2, 3, 0, 0), ...load(0, 0n), EXIT];
    const program = bench.compile(code, { mode: "verified" });
    bench.run(program);
    program.close();
    expect([view.getBigUint64(block, true), view.getBigUint64(block + 8, true)]).toEqual([40n, 42n]);
  });

  describe("accesses to an arena", () => {
    const FIRST = 0x1000_0000;
    const services = { random: () => 5, cpus: 1, bpfMapSize: defaultLayout().sizeOf("bpf_map") };
    const map = createMap(
      { ...services, memory: bench.memory },
      {
        type: BpfMapType.ARENA,
        keySize: 0,
        valueSize: 0,
        maxEntries: 2,
        flags: BpfMapFlag.MMAPABLE,
        extra: BigInt(FIRST),
      },
    );
    if (typeof map === "number" || map.arena === null) throw new Error("no arena");
    const { arena } = map;
    arena.moveTo(BigInt(FIRST));
    arena.allocate(0, 1);
    const AT = 16;
    const rows = ROWS.filter(({ guard }) => guard === "arena");

    it.each(rows.map((row) => [row.name, row] as const))("%s", (_, row) => {
      fc.assert(
        fc.property(
          u64,
          u64,
          u64,
          i32,
          fc.boolean(),
          fc.integer({ min: 0, max: 8 }),
          (memory, b, r0, imm, there, at) => {
            const bits = row.size * 8;
            const before = BigInt.asUintN(bits, memory);
            const place = arena.offsetOf(0) + AT + at;
            const base = FIRST + (there ? 0 : 4096);
            const expected = b % 2n === 0n ? before : r0;
            const view = () => bench.memory.view();
            const exchange = row.name.includes("cmpxchg");
            const access = insnOf(row, 1, 2, AT + at, row.imm === "value" ? imm : 0);
            const loads = row.kind === "load" || row.kind === "loadAcquire";
            const insns = [...load(1, BigInt(base) | (7n << 32n)), ...load(2, b), ...load(0, expected)];
            insns.push(...load(3, r0), loads ? { ...access, dst: 3, src: 1 } : access);
            for (const register of [0, 2, 3]) {
              if (register === 3 && !loads) continue;
              const program = bench.compile([...insns, move(0, register), EXIT], {
                mode: "verified",
                arena: arena.offset,
              });
              view().setBigUint64(place, memory, true);
              const value = bench.run(program);
              program.close();
              const found = BigInt.asUintN(bits, view().getBigUint64(place, true));
              const stored = BigInt.asUintN(bits, row.source === "imm" ? BigInt(imm) : b);
              const written =
                row.kind === "atomic" ? modelAtomic(row, before, b, expected) : loads ? before : stored;
              expect(found).toBe(there ? written : before);
              const extended =
                row.extend === 0 ? before : BigInt.asUintN(64, BigInt.asIntN(row.extend, before));
              const registers = [
                exchange && there ? before : expected,
                0n,
                row.kind === "atomic" && row.fetch && !exchange && there ? before : b,
                there ? extended : row.kind === "load" ? 0n : r0,
              ];
              expect(value).toBe(registers[register]);
            }
          },
        ),
        { numRuns: 4 },
      );
    });
  });

  describe("arena accesses without an arena", () => {
    it("load 0 and store nothing", () => {
      for (const { name } of ROWS.filter(({ guard }) => guard === "arena")) {
        const row = ROWS.find((each) => each.name === name)!;
        const insns = [...load(1, 0x1_0000n), ...load(0, 5n), ...load(2, 6n), insnOf(row, 1, 2, 8, 3)];
        expect(() => run([...insns, ...load(0, 0n), EXIT])).not.toThrow();
      }
    });
  });
});
