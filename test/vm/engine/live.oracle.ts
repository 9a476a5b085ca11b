import fc from "fast-check";
import { expect, it } from "vitest";
import { type Insn, type InsnRow, insnOf, ROWS, rowNamed, wideSlots } from "../../../src/isa/index.ts";
import { BpfCommands } from "../../../src/sys/index.ts";
import { BpfProgType } from "../../../src/uapi/index.ts";
import { livePort } from "../../support/live-port.ts";
import { describeWith, liveKernel } from "../../support/referee.ts";
import { Bench } from "../support.ts";

/** Programs compared in one run. */
const PROGRAMS = 3000;

/** The stack bytes that programs use, 8-aligned at its top. */
const STACK = 64;

const u64 = fc.oneof(
  fc.constantFrom(0n, 1n, 0xffff_ffffn, 0x8000_0000n, 2n ** 63n, 2n ** 64n - 1n),
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
);
const register = fc.integer({ min: 0, max: 9 });

/** An instruction with operands that the verifier lets pass whatever registers hold. */
function instruction(row: InsnRow): fc.Arbitrary<Insn> {
  const shift = ["lsh", "rsh", "arsh"].some((name) => row.name.startsWith(name));
  const divides = ["div", "mod", "sdiv", "smod"].some((name) => row.name.startsWith(name));
  const imm = fc.integer({ min: -0x8000_0000, max: 0x7fff_ffff }).map((value) => {
    if (shift) return value & (row.width - 1);
    return divides && value === 0 ? 3 : value;
  });
  return fc
    .record({
      dst: register,
      src: register,
      imm,
      jump: fc.integer({ min: 0, max: 4 }),
      slot: fc.nat(STACK - 8),
    })
    .map(({ dst, src, imm: value, jump, slot }) => {
      const at = -(slot + 8);
      switch (row.kind) {
        case "branch":
          return insnOf(row, dst, src, jump, value);
        case "load":
        case "loadAcquire":
          return insnOf(row, dst, 10, aligned(row, at), 0);
        case "store":
        case "atomic":
        case "storeRelease":
          return insnOf(row, 10, src, aligned(row, at), value);
        default:
          return insnOf(row, dst, src, 0, value);
      }
    });
}

const aligned = (row: InsnRow, at: number): number => at & -row.size;

const KINDS = ["alu", "neg", "end", "branch", "load", "store", "atomic", "loadAcquire", "storeRelease"];
const rows = ROWS.filter((row) => KINDS.includes(row.kind) && row.group !== "internal");

const programs = fc
  .tuple(
    fc.array(u64, { minLength: 10, maxLength: 10 }),
    fc.array(u64, { minLength: STACK / 8, maxLength: STACK / 8 }),
    fc.array(fc.constantFrom(...rows).chain(instruction), { minLength: 1, maxLength: 60 }),
  )
  .map(([registers, stack, body]) => {
    const insns: Insn[] = [];
    const put = (name: string, dst: number, src: number, off = 0, imm = 0) =>
      insns.push(insnOf(rowNamed(name), dst, src, off, imm));
    for (const [i, value] of stack.entries()) {
      insns.push(...wideSlots(0, 0, value));
      put("stx_dw", 10, 0, -8 * (i + 1));
    }
    for (const [i, value] of registers.entries()) insns.push(...wideSlots(i, 0, value));
    insns.push(...body);
    // Jumps of the last instructions land here.
    for (let i = 0; i < 4; i++) put("mov64_x", 0, 0);
    // Everything into 32 bits of r0.
    for (let i = 1; i < 10; i++) {
      put("mul64_k", 0, 0, 0, 31);
      put("xor64_x", 0, i);
    }
    for (let at = 8; at <= STACK; at += 8) {
      put("ldx_dw", 1, 10, -at);
      put("mul64_k", 0, 0, 0, 37);
      put("xor64_x", 0, 1);
    }
    put("mov64_x", 1, 0);
    put("rsh64_k", 1, 0, 0, 32);
    put("xor64_x", 0, 1);
    put("exit", 0, 0);
    return insns;
  });

const { port, why } = await livePort();

describeWith(
  [liveKernel("6.18"), { present: port !== null, why: why ?? "" }],
  "random programs as Linux runs them",
  () => {
    const linux = new BpfCommands(port!);
    const bench = new Bench();
    const dataIn = new Uint8Array(64);

    it("give the same r0", () => {
      fc.assert(
        fc.property(programs, (insns) => {
          const { fd } = linux.progLoad({ progType: BpfProgType.XDP, insns, license: "GPL" });
          let expected: number;
          try {
            expected = linux.progTestRun({ progFd: fd, dataIn }).retval;
          } finally {
            linux.close(fd);
          }
          for (const mode of ["checked", "verified"] as const) {
            const program = bench.compile(insns, { mode });
            expect(Number(bench.run(program) & 0xffff_ffffn)).toBe(expected >>> 0);
            program.close();
          }
        }),
        { numRuns: PROGRAMS },
      );
    }, 120_000);
  },
);
