import { CallKind, FRAME_POINTER, type Insn, insnOf, lookup, rowNamed } from "../../isa/index.ts";
import { HELPER_PROTOTYPES } from "../../platform/index.ts";
import { BpfFuncId } from "../../uapi/index.ts";
import type { Functions } from "./functions.ts";

/** Helpers that x86-64 writes out, so that they keep all registers but r0 (`allow_fastcall`). */
const FASTCALL: ReadonlySet<number> = new Set([BpfFuncId.get_smp_processor_id]);
const SLOT = 8;
const CALLER_SAVED = 6;
const SPILL = rowNamed("stx_dw").opcode;
const FILL = rowNamed("ldx_dw").opcode;
const ADD = rowNamed("add64_k").opcode;
const MOVE = rowNamed("mov64_x").opcode;
const NOP = insnOf(rowNamed("ja"), 0, 0, 0, 0);

/** A call with spills before it and fills after it that serve nothing else. */
interface Pattern {
  readonly call: number;
  /** Spills, and as many fills. */
  readonly pairs: number;
}

/**
 * Drops the spills and fills that compilers put around a `bpf_fastcall` for kernels that do not know it
 * (`mark_fastcall_patterns`, `remove_fastcall_spills_fills`): they become jumps to the next slot. A function that
 * uses their stack slots for something else keeps them.
 */
export function dropFastcallSpills(insns: readonly Insn[], functions: Functions): readonly Insn[] {
  let out: Insn[] | null = null;
  for (let func = 0; func < functions.count; func++) {
    for (const { call, pairs } of patternsOf(insns, functions.starts[func]!, functions.end(func))) {
      out ??= [...insns];
      for (let distance = 1; distance <= pairs; distance++) {
        out[call - distance] = NOP;
        out[call + distance] = NOP;
      }
    }
  }
  return out ?? insns;
}

function patternsOf(insns: readonly Insn[], start: number, end: number): Pattern[] {
  let lowest = 0;
  let candidate = false;
  for (let slot = start; slot < end; slot++) {
    const insn = insns[slot]!;
    if (insn.opcode === SPILL && insn.dst === FRAME_POINTER) lowest = Math.min(lowest, insn.off);
    candidate ||= isHelperCall(insn) && FASTCALL.has(insn.imm);
  }
  if (!candidate) return [];
  const patterns: Pattern[] = [];
  const marked = new Set<number>();
  // The slots from here up belong to the function; those below, down to the lowest spill, to patterns.
  let top = 0;
  for (let slot = start; slot < end; slot++) {
    const insn = insns[slot]!;
    if (!isHelperCall(insn)) continue;
    const pairs = pairsAround(insns, slot, insn.imm, lowest);
    if (pairs === 0) continue;
    for (let distance = 1; distance <= pairs; distance++) marked.add(slot - distance).add(slot + distance);
    top = Math.min(top, lowest);
    top = Math.max(top, lowest + pairs * SLOT);
    if (FASTCALL.has(insn.imm)) patterns.push({ call: slot, pairs });
  }
  return usesBelow(insns, start, end, top, marked) ? [] : patterns;
}

function isHelperCall(insn: Insn): boolean {
  const row = lookup(insn);
  return row?.kind === "call" && row.src === CallKind.helper;
}

/** How many spills stand before a call, with fills in reverse order after it, of registers that it does not use. */
function pairsAround(insns: readonly Insn[], call: number, helper: number, lowest: number): number {
  const prototype = HELPER_PROTOTYPES.get(helper);
  if (prototype === undefined) return 0;
  let free = (1 << CALLER_SAVED) - 1;
  for (
    let register = prototype.returns.type === "RET_VOID" ? 1 : 0;
    register <= prototype.args.length;
    register++
  ) {
    free &= ~(1 << register);
  }
  let off = lowest;
  let pairs = 0;
  while (pairs < CALLER_SAVED) {
    const spill = insns[call - pairs - 1];
    const fill = insns[call + pairs + 1];
    if (spill?.opcode !== SPILL || fill?.opcode !== FILL) break;
    if (spill.dst !== FRAME_POINTER || fill.src !== FRAME_POINTER) break;
    if (spill.src !== fill.dst || (free & (1 << spill.src)) === 0) break;
    if (spill.off !== off || fill.off !== off) break;
    free &= ~(1 << spill.src);
    off += SLOT;
    pairs++;
  }
  return pairs;
}

/** Whether something but the patterns touches the stack below `top`, as far as can be told from the instructions. */
function usesBelow(
  insns: readonly Insn[],
  start: number,
  end: number,
  top: number,
  marked: ReadonlySet<number>,
): boolean {
  for (let slot = start; slot < end; slot++) {
    if (marked.has(slot)) continue;
    const insn = insns[slot]!;
    const row = lookup(insn);
    if (row === undefined) continue;
    const base = row.kind === "load" || row.kind === "loadAcquire" ? insn.src : row.size > 0 ? insn.dst : -1;
    if (base === FRAME_POINTER && insn.off < top) return true;
    if (pointsInto(insns[slot - 1], insn) && insn.imm < top) return true;
  }
  return false;
}

/** How compilers make a pointer into the frame: `rX = r10; rX += offset`. */
function pointsInto(before: Insn | undefined, insn: Insn): boolean {
  return (
    insn.opcode === ADD && before?.opcode === MOVE && before.src === FRAME_POINTER && before.dst === insn.dst
  );
}
