import { FRAME_POINTER, type Insn, rowNamed } from "../../isa/index.ts";
import type { Environment } from "../environment/environment.ts";
import type { Subprogram } from "../environment/subprogram.ts";
import { REG_SIZE } from "../state/limits.ts";
import { getCallSummary } from "./call-summary.ts";
import { isCall } from "./flow-kind.ts";
import { subprogEnd } from "./subprograms.ts";

const CALLER_SAVED_REGS = 6;
const SPILL = rowNamed("stx_dw").opcode;
const FILL = rowNamed("ldx_dw").opcode;

/**
 * Finds calls with spills before and fills after them that serve kernels without `bpf_fastcall` alone: if the stack
 * slots are used for nothing else they can be dropped (`mark_fastcall_patterns`).
 */
export function markFastcallPatterns(env: Environment): void {
  const { insns } = env;
  for (const [i, subprogram] of env.subprograms.entries()) {
    const end = subprogEnd(env, i);
    let lowest = 0;
    for (let at = subprogram.start; at < end; at++) {
      const insn = insns[at]!;
      if (isSpill(insn) && insn.off < lowest) lowest = insn.off;
    }
    for (let at = subprogram.start; at < end; at++) {
      if (isCall(insns[at]!)) markPattern(env, subprogram, at, lowest);
    }
  }
}

function isSpill(insn: Insn): boolean {
  return insn.opcode === SPILL && insn.dst === FRAME_POINTER;
}

/** `mark_fastcall_pattern_for_call` */
function markPattern(env: Environment, subprogram: Subprogram, call: number, lowest: number): void {
  const { insns, aux } = env;
  const summary = getCallSummary(env, insns[call]!);
  if (summary === null) return;
  // The registers that the call would keep, if it were a fast one.
  let kept = ((1 << CALLER_SAVED_REGS) - 1) & ~((1 << (summary.params + 1)) - 1);
  if (summary.returnsVoid) kept |= 1;
  let pairs = 0;
  let off = lowest;
  for (let distance = 1; distance <= CALLER_SAVED_REGS; distance++, off += REG_SIZE) {
    const spill = insns[call - distance];
    const fill = insns[call + distance];
    if (spill === undefined || fill === undefined) break;
    if (!isSpill(spill) || fill.opcode !== FILL || fill.src !== FRAME_POINTER) break;
    if (spill.src !== fill.dst || (kept & (1 << spill.src)) === 0) break;
    if (spill.off !== off || fill.off !== off) break;
    kept &= ~(1 << spill.src);
    aux[call - distance]!.fastcallPattern = true;
    aux[call + distance]!.fastcallPattern = true;
    pairs++;
  }
  if (pairs === 0) return;
  if (summary.fastcall) aux[call]!.fastcallSpillsNum = pairs;
  else subprogram.keepFastcallStack = true;
  if (off < subprogram.fastcallStackOff) subprogram.fastcallStackOff = off;
}
