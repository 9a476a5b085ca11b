import { type Insn, insnOf, lookup, rowNamed } from "../../isa/index.ts";
import { functionTarget, jumpTarget } from "./functions.ts";

/** A program without its dead slots. */
export interface Pruned {
  readonly insns: readonly Insn[];
  /** Slot given → slot made, the end included; a removed one maps to what follows. null: nothing was removed. */
  readonly slotMap: Int32Array | null;
  /** Slot made → slot given. null: the same. */
  readonly origins: Int32Array | null;
  readonly removed: Uint8Array | null;
}

const JA = rowNamed("ja");
const MAY_GOTO = rowNamed("may_goto");

/** Slots that some path leads to, by jumps alone; functions that are called or pointed to are led to. */
export function reachableSlots(insns: readonly Insn[]): Uint8Array {
  const seen = new Uint8Array(insns.length);
  const work = [0];
  while (work.length > 0) {
    for (let slot = work.pop()!; slot >= 0 && slot < insns.length && seen[slot] === 0; ) {
      seen[slot] = 1;
      const insn = insns[slot]!;
      const row = lookup(insn);
      if (row === undefined) break;
      if (row.slots === 2 && slot + 1 < insns.length) seen[slot + 1] = 1;
      const func = functionTarget(slot, insn);
      if (func >= 0) work.push(func);
      const target = jumpTarget(slot, insn, row);
      if (row.kind === "exit") break;
      if (row.kind === "goto") slot = target;
      else {
        if (target >= 0) work.push(target);
        slot += row.slots;
      }
    }
  }
  return seen;
}

/**
 * Removes what never runs: slots not `seen`, and jumps to the next slot. A branch with one side never seen becomes a
 * jump (`opt_hard_wire_dead_code_branches`, `opt_remove_dead_code`, `opt_remove_nops`).
 */
export function prune(insns: readonly Insn[], seen: (slot: number) => boolean): Pruned {
  const count = insns.length;
  const removed = new Uint8Array(count);
  const wired: (Insn | undefined)[] = [];
  let any = false;
  for (let slot = 0; slot < count; ) {
    const insn = insns[slot]!;
    const row = lookup(insn);
    const slots = row?.slots ?? 1;
    if (!seen(slot)) {
      removed.fill(1, slot, slot + slots);
      any = true;
    } else if (row?.kind === "branch") {
      const target = slot + 1 + insn.off;
      const jump = !seen(slot + 1) ? insn.off : target < count && !seen(target) ? 0 : null;
      if (jump !== null) wired[slot] = insnOf(JA, 0, 0, jump, 0);
    }
    slot += slots;
  }

  const dead = removed.slice();
  // Nops, from the front: a jump over slots that are gone already is one, too.
  const before = prefixSums(removed);
  const gone = (from: number, to: number): boolean => before[to]! - before[from]! === to - from;
  let kept = -1;
  const previous = new Int32Array(count).fill(-1);
  for (let slot = 0; slot < count; slot++) {
    if (removed[slot] === 1) continue;
    previous[slot] = kept;
    kept = slot;
    let candidate = slot;
    while (candidate >= 0) {
      const insn = wired[candidate] ?? insns[candidate]!;
      const isJump = insn.opcode === JA.opcode;
      const mayGoto = insn.opcode === MAY_GOTO.opcode;
      if ((!isJump && !mayGoto) || insn.off < 0) break;
      const target = candidate + 1 + insn.off;
      if (target > count) break;
      const nothing =
        candidate === slot
          ? insn.off === 0 || gone(candidate + 1, target)
          : allRemoved(removed, candidate + 1, target);
      if (!nothing) break;
      removed[candidate] = 1;
      any = true;
      kept = previous[candidate]!;
      // What stands before a may_goto that goes is looked at once more, as Linux does.
      if (!mayGoto) break;
      candidate = kept;
    }
  }
  if (!any && wired.length === 0) return { insns, slotMap: null, origins: null, removed: null };
  return rebuild(insns, wired, removed, dead);
}

function prefixSums(flags: Uint8Array): Int32Array {
  const sums = new Int32Array(flags.length + 1);
  for (let i = 0; i < flags.length; i++) sums[i + 1] = sums[i]! + flags[i]!;
  return sums;
}

function allRemoved(removed: Uint8Array, from: number, to: number): boolean {
  for (let slot = from; slot < to; slot++) if (removed[slot] === 0) return false;
  return true;
}

function rebuild(
  insns: readonly Insn[],
  wired: readonly (Insn | undefined)[],
  removed: Uint8Array,
  dead: Uint8Array,
): Pruned {
  const count = insns.length;
  const slotMap = new Int32Array(count + 1);
  let length = 0;
  for (let slot = 0; slot < count; slot++) {
    slotMap[slot] = length;
    if (removed[slot] === 0) length++;
  }
  slotMap[count] = length;
  const out: Insn[] = [];
  const origins = new Int32Array(length);
  for (let slot = 0; slot < count; slot++) {
    if (removed[slot] === 1) continue;
    origins[out.length] = slot;
    out.push(retarget(wired[slot] ?? insns[slot]!, slot, slotMap, dead));
  }
  return { insns: out, slotMap, origins, removed };
}

/**
 * Behind the start of what is dead Linux keeps distances (`bpf_adj_delta_to_imm`): the address of a function that is gone
 * shows it.
 */
function place(target: number, slotMap: Int32Array, dead: Uint8Array): number {
  let start = target;
  while (dead[target] === 1 && start > 0 && dead[start - 1] === 1) start--;
  return slotMap[target]! + target - start;
}

function retarget(insn: Insn, slot: number, slotMap: Int32Array, dead: Uint8Array): Insn {
  const row = lookup(insn);
  if (row === undefined) return insn;
  const func = functionTarget(slot, insn);
  const target = func >= 0 ? func : jumpTarget(slot, insn, row);
  if (target < 0 || target >= slotMap.length) return insn;
  const distance = place(target, slotMap, dead) - slotMap[slot]! - 1;
  const byImm = func >= 0 || (row.kind === "goto" && row.width === 32);
  const { opcode, dst, src, off, imm } = insn;
  return byImm ? { opcode, dst, src, off, imm: distance } : { opcode, dst, src, off: distance, imm };
}
