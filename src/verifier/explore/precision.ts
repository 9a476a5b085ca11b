import { Errno } from "../../uapi/index.ts";
import type { Environment } from "../environment/environment.ts";
import { printVerifierState } from "../log/state-text.ts";
import { MAIN_FUNC } from "../state/frame.ts";
import { MAX_BPF_REG } from "../state/limits.ts";
import { RegType } from "../state/reg-type.ts";
import type { VerifierState } from "../state/verifier-state.ts";
import { backtrackInsn } from "./backtrack.ts";
import { getJmpHistEntry } from "./history.ts";
import { markAllScalarsPrecise } from "./scalar-precision.ts";

/** Everything but r1 to r5. */
const NO_ARGUMENTS = ~0x3e;

/**
 * The exact value of a register of the current frame matters: it, and all that it was computed from, is marked as
 * precise in the cached states that led here (`mark_chain_precision`). The current state needs no mark: it is either
 * dropped, or cached without marks and marked again by what comes later.
 *
 * @param regno negative: none, as of a store of an immediate; nothing is marked then
 */
export function markChainPrecision(env: Environment, regno: number): void {
  if (!env.bpfCapable || regno < 0) return;
  const state = env.current;
  const masks = env.backtrack;
  masks.frame = state.curframe;
  if (state.regs[regno]!.type !== RegType.SCALAR_VALUE) {
    env.refuse(Errno.EFAULT, "verifier bug: backtracking misuse");
  }
  masks.setReg(masks.frame, regno);
  backtrack(env, state);
}

/**
 * The same for all registers and slots that the caller set in `env.backtrack` (`mark_chain_precision_batch`).
 *
 * @returns whether any mark is new
 */
export function markChainPrecisionBatch(env: Environment, state: VerifierState): boolean {
  if (!env.bpfCapable) return false;
  env.backtrack.frame = state.curframe;
  return backtrack(env, state);
}

/** `__mark_chain_precision` */
function backtrack(env: Environment, start: VerifierState): boolean {
  const masks = env.backtrack;
  if (masks.empty) return false;
  const { log } = env;
  let state = start;
  let lastIdx = start.insnIdx;
  let firstIdx = start.firstInsnIdx;
  let subseqIdx = -1;
  let skipFirst = true;
  let changed = false;
  for (;;) {
    if (log.level2) {
      log.write(
        `mark_precise: frame${masks.frame}: last_idx ${lastIdx} first_idx ${firstIdx} subseq_idx ${subseqIdx} \n`,
      );
    }
    if (lastIdx < 0) return markFunctionEntry(env, state) || changed;
    let left = state.history.length;
    for (let idx = lastIdx; ; ) {
      if (skipFirst) skipFirst = false;
      else if (!backtrackInsn(env, idx, subseqIdx, getJmpHistEntry(state, left, idx))) {
        markAllScalarsPrecise(env, start);
        masks.reset();
        return changed;
      }
      // All that was asked for is computed from what this state begins with.
      if (masks.empty) return changed;
      subseqIdx = idx;
      // The history may begin with the step from the parent's last instruction to this state's first.
      if (idx === state.firstInsnIdx && (left === 0 || (left === 1 && state.history[0]!.idx === idx))) {
        break;
      }
      if (left > 0 && state.history[left - 1]!.idx === idx) idx = state.history[--left]!.prevIdx;
      else idx--;
      if (idx < 0 || idx >= env.insns.length) {
        env.refuse(Errno.EFAULT, `verifier bug: backtracking idx ${idx}`);
      }
    }
    if (state.parent === null) break;
    state = state.parent;
    if (markFrames(env, state)) changed = true;
    if (masks.empty) return changed;
    subseqIdx = firstIdx;
    lastIdx = state.lastInsnIdx;
    firstIdx = state.firstInsnIdx;
  }
  // Something was missed, as an access to the stack through another register than the frame pointer.
  if (!masks.empty) {
    markAllScalarsPrecise(env, start);
    masks.reset();
  }
  return changed;
}

/** Marks what is asked for in a cached state, and asks no more for what is marked already, or no scalar. */
function markFrames(env: Environment, state: VerifierState): boolean {
  const masks = env.backtrack;
  let changed = false;
  for (let fr = masks.frame; fr >= 0; fr--) {
    const frame = state.frames[fr]!;
    for (let regno = 0; regno < MAX_BPF_REG; regno++) {
      if (!masks.hasReg(fr, regno)) continue;
      const reg = frame.regs[regno]!;
      if (reg.type !== RegType.SCALAR_VALUE || reg.precise) masks.clearReg(fr, regno);
      else {
        frame.ownRegister(regno).precise = true;
        changed = true;
      }
    }
    if (masks.hasSlots(fr)) {
      for (let spi = 0; spi < 64; spi++) {
        if (!masks.hasSlot(fr, spi)) continue;
        const slot = frame.stack[spi];
        if (slot === undefined) {
          env.refuse(
            Errno.EFAULT,
            `verifier bug: stack slot ${spi}, total slots ${frame.stack.length} (i >= func->allocated_stack / BPF_REG_SIZE)`,
          );
        }
        const { spilled } = slot;
        if (!slot.isSpill || spilled.type !== RegType.SCALAR_VALUE || spilled.precise) {
          masks.clearSlot(fr, spi);
        } else {
          frame.ownSlot(spi).spilled.precise = true;
          changed = true;
        }
      }
    }
    if (env.log.level2) {
      env.log.write(
        `mark_precise: frame${fr}: parent state regs=${masks.regsText(fr)} stack=${masks.slotsText(fr)}: `,
      );
      printVerifierState(env, state, fr, { all: true });
    }
  }
  return changed;
}

/** At the entry of a function that is verified alone only its arguments can be asked for. */
function markFunctionEntry(env: Environment, state: VerifierState): boolean {
  const masks = env.backtrack;
  const { frame: fr } = masks;
  const frame = state.frames[0]!;
  const entry = state.curframe === 0 && frame.subprogno > 0 && frame.callsite === MAIN_FUNC;
  if (!entry || masks.hasSlots(fr) || (masks.regs(fr) & NO_ARGUMENTS) !== 0) {
    env.refuse(
      Errno.EFAULT,
      `verifier bug: backtracking func entry subprog ${frame.subprogno} reg_mask ${masks.regsHex(fr)} stack_mask ${masks.slotsHex(fr)}`,
    );
  }
  let changed = false;
  for (let regno = 1; regno <= 5; regno++) {
    if (!masks.hasReg(fr, regno)) continue;
    masks.clearReg(fr, regno);
    const reg = frame.regs[regno]!;
    if (reg.type !== RegType.SCALAR_VALUE) continue;
    frame.ownRegister(regno).precise = true;
    changed = true;
  }
  return changed;
}
