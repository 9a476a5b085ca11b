import fc from "fast-check";
import type { Insn, InsnRow } from "../../src/isa/index.ts";

const register = fc.integer({ min: 0, max: 10 });
const s16 = fc.integer({ min: -0x8000, max: 0x7fff });
const s32 = fc.oneof(
  fc.integer({ min: -0x8000_0000, max: 0x7fff_ffff }),
  fc.integer({ min: -20, max: 20 }),
  fc.constantFrom(-0x8000_0000, 0x7fff_ffff),
);

/** The slots of one instruction of this row, with random values in every field that the row leaves open. */
export function insnsOf(row: InsnRow): fc.Arbitrary<Insn[]> {
  return fc
    .record({
      dst: row.dst === "register" ? register : fc.constant(row.dst),
      src: row.src === "register" ? register : fc.constant(row.src),
      off: typeof row.off === "number" ? fc.constant(row.off) : s16,
      imm:
        row.imm === "register"
          ? fc.integer({ min: 1, max: 10 })
          : typeof row.imm === "number"
            ? fc.constant(row.imm)
            : s32,
      next: s32,
    })
    .map(({ dst, src, off, imm, next }) => {
      const first: Insn = { opcode: row.opcode, dst, src, off, imm };
      return row.slots === 2 ? [first, { opcode: 0, dst: 0, src: 0, off: 0, imm: next }] : [first];
    });
}
