import type { CoreResult } from "../btf/index.ts";
import { Class, type Insn, type InsnRow, isWide, lookup, ROWS, rowNamed, wideImm } from "../isa/index.ts";

/** What became of an instruction: its slots (one, or two of a 64-bit immediate), or why it cannot be relocated. */
export type Patched = { readonly insns: readonly Insn[] } | { readonly problem: string };

/** The helper id in a poisoned instruction, "bad relo": the verifier's message about a reachable one shows it. */
export const POISON_HELPER = 0xbad2310;

/** `call 195896080`: what takes the place of an instruction whose relocation found nothing. */
const POISON: Insn = {
  opcode: rowNamed("call_helper").opcode,
  dst: 0,
  src: 0,
  off: 0,
  imm: POISON_HELPER,
};

/** As {@link patchInsn}, in a program. @returns null, or why it cannot be relocated: then nothing is changed. */
export function patchAt(insns: Insn[], slot: number, result: CoreResult): string | null {
  const patched = patchInsn(insns[slot]!, insns[slot + 1], result);
  if (!("insns" in patched)) return patched.problem;
  for (const [i, changed] of patched.insns.entries()) insns[slot + i] = changed;
  return null;
}

/**
 * Puts the result of a CO-RE relocation into an instruction (`bpf_core_patch_insn`); the arguments stay as they are.
 *
 * Relocatable are: arithmetic with an immediate; loads and stores, by their offset and where needed by their size; the
 * 64-bit immediate load, whose second slot is `next`. Where `result.validate` says so, the instruction has to hold
 * what the compiler computed.
 */
export function patchInsn(insn: Insn, next: Insn | undefined, result: CoreResult): Patched {
  const wide = isWide(insn);
  if (result.poison) return { insns: wide ? [POISON, POISON] : [POISON] };
  if (wide) return patchWide(insn, next, result);
  const row = lookup(insn);
  switch (row?.class) {
    case Class.alu:
    case Class.alu64:
      return patchImmediate(insn, row, result);
    case Class.ldx:
    case Class.st:
    case Class.stx:
      return patchAccess(insn, row, result);
    default: {
      const what = row === undefined ? `opcode 0x${insn.opcode.toString(16)}` : row.name;
      return { problem: `expected arithmetic, a load, a store or a 64-bit immediate, got ${what}` };
    }
  }
}

function patchImmediate(insn: Insn, row: InsnRow, result: CoreResult): Patched {
  if (row.source === "reg") return { problem: `expected arithmetic with an immediate, got ${row.name}` };
  if (result.validate && BigInt.asUintN(64, BigInt(insn.imm)) !== result.original) {
    return unexpected("immediate", insn.imm, result);
  }
  return { insns: [{ ...insn, imm: Number(BigInt.asIntN(32, result.value)) }] };
}

function patchAccess(insn: Insn, row: InsnRow, result: CoreResult): Patched {
  if (result.validate && BigInt.asUintN(64, BigInt(insn.off)) !== result.original) {
    return unexpected("offset", insn.off, result);
  }
  if (result.value > 0x7fffn) return { problem: `expected an offset up to 32767, got ${result.value}` };
  // A load of another size would give another value: only dead code may keep it.
  if (result.sizeConflict) return { insns: [POISON] };
  const off = Number(result.value);
  if (result.size === result.originalSize) return { insns: [{ ...insn, off }] };
  if (row.size !== result.originalSize) {
    return { problem: `expected an access of ${result.originalSize} bytes, got ${row.name}` };
  }
  const resized = withSize(row, result.size);
  if (resized === undefined) return { problem: `no form of ${row.name} accesses ${result.size} bytes` };
  return { insns: [{ ...insn, opcode: resized.opcode, off }] };
}

/** The same access to memory in another size. */
function withSize(row: InsnRow, size: number): InsnRow | undefined {
  return ROWS.find(
    (other) =>
      other.size === size &&
      other.class === row.class &&
      other.operation === row.operation &&
      other.guard === row.guard &&
      other.imm === row.imm &&
      other.extend > 0 === row.extend > 0,
  );
}

function patchWide(insn: Insn, next: Insn | undefined, result: CoreResult): Patched {
  const plain = insn.src === 0 && insn.off === 0;
  if (
    !plain ||
    next === undefined ||
    next.opcode !== 0 ||
    next.dst !== 0 ||
    next.src !== 0 ||
    next.off !== 0
  ) {
    return { problem: "expected a plain 64-bit immediate load" };
  }
  const value = wideImm([insn, next], 0);
  if (result.validate && value !== result.original) return unexpected("immediate", value, result);
  const low = Number(BigInt.asIntN(32, result.value));
  const high = Number(BigInt.asIntN(32, result.value >> 32n));
  return {
    insns: [
      { ...insn, imm: low },
      { ...next, imm: high },
    ],
  };
}

function unexpected(field: string, got: number | bigint, result: CoreResult): Patched {
  return {
    problem: `expected the ${field} ${result.original} (to become ${result.value}), got ${got}`,
  };
}
