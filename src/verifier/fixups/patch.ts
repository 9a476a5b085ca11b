import { CallKind, type Insn, type InsnRow, isWide, lookup, WideKind } from "../../isa/index.ts";
import { FixupError } from "./error.ts";

/** What takes the place of one instruction. */
export interface Patch {
  /** Instructions before it that run only when the function is entered, not when a jump leads to its first slot. */
  readonly prefix?: readonly Insn[];
  /** Absent: the instruction itself stays. Jumps in it stay inside, those of `exits` apart. */
  readonly body?: readonly Insn[];
  /** Jumps of `body` that lead to a slot of the program as it was. */
  readonly exits?: readonly { readonly index: number; readonly target: number }[];
  /** Calls of `body` of a function that begins at a slot of the program as it was. */
  readonly calls?: readonly { readonly index: number; readonly target: number }[];
}

export interface Patched {
  readonly insns: Insn[];
  /** Old slot → new slot, the end of the program included. What a patch begins with stands for the old instruction. */
  readonly slotMap: Int32Array;
}

const OFF_MAX = 0x7fff;

/** Applies all patches (by slot) in one pass, and adjusts jumps, calls and function addresses: many `bpf_patch_insn_data`. */
export function applyPatches(insns: readonly Insn[], patches: readonly (Patch | undefined)[]): Patched {
  const count = insns.length;
  const starts = new Int32Array(count + 1);
  const entries = new Int32Array(count + 1);
  let at = 0;
  for (let slot = 0; slot < count; slot++) {
    const patch = patches[slot];
    starts[slot] = at;
    at += patch?.prefix?.length ?? 0;
    entries[slot] = at;
    if (patch?.body === undefined) {
      at++;
      continue;
    }
    // The second slot of a wide load goes with the first.
    const wide = lookup(insns[slot]!)?.slots === 2;
    at += patch.body.length;
    if (wide) {
      starts[++slot] = at;
      entries[slot] = at;
    }
  }
  starts[count] = at;
  entries[count] = at;

  const out: Insn[] = [];
  for (let slot = 0; slot < count; slot++) {
    const insn = insns[slot]!;
    const patch = patches[slot];
    if (patch?.prefix !== undefined) for (const added of patch.prefix) out.push(added);
    const start = out.length;
    if (patch?.body === undefined) {
      out.push(retarget(insn, slot, start, starts, entries));
      continue;
    }
    for (const added of patch.body) out.push(added);
    for (const { index, target } of patch.exits ?? []) {
      const jump = out[start + index]!;
      out[start + index] = { ...jump, off: checkOff(entries[target]! - (start + index) - 1, slot) };
    }
    for (const { index, target } of patch.calls ?? []) {
      out[start + index] = { ...out[start + index]!, imm: starts[target]! - (start + index) - 1 };
    }
    if (lookup(insn)?.slots === 2) slot++;
  }
  return { insns: out, slotMap: starts };
}

function retarget(insn: Insn, slot: number, now: number, starts: Int32Array, entries: Int32Array): Insn {
  const row = lookup(insn);
  if (row === undefined) return insn;
  const field = targetField(insn, row);
  if (field === null) return insn;
  const places = field === "function" ? starts : entries;
  const target = slot + 1 + (field === "off" ? insn.off : insn.imm);
  const distance = placeOf(target, places) - now - 1;
  const { opcode, dst, src, off, imm } = insn;
  if (field === "off") {
    return distance === off ? insn : { opcode, dst, src, off: checkOff(distance, slot), imm };
  }
  return distance === imm ? insn : { opcode, dst, src, off, imm: distance };
}

/**
 * Where a slot is now. What lies outside of the program keeps its distance from it: the address of a function that is gone
 * may lead there.
 */
function placeOf(target: number, places: Int32Array): number {
  const end = places.length - 1;
  if (target < 0) return target;
  return target <= end ? places[target]! : places[end]! + target - end;
}

/** Which field of an instruction leads to another slot: of this function, or the start of one. */
function targetField(insn: Insn, row: InsnRow): "off" | "imm" | "function" | null {
  switch (row.kind) {
    case "branch":
    case "mayGoto":
      return "off";
    case "goto":
      return row.width === 32 ? "imm" : "off";
    case "call":
      return row.src === CallKind.local ? "function" : null;
    case "wide":
      return isWide(insn) && insn.src === WideKind.func ? "function" : null;
    default:
      return null;
  }
}

function checkOff(distance: number, slot: number): number {
  if (distance >= -OFF_MAX - 1 && distance <= OFF_MAX) return distance;
  throw new FixupError(slot, `insn ${slot} cannot be patched due to 16-bit range`);
}
