import type { Environment } from "../environment/environment.ts";
import { sameCallsites } from "../explore/explored-states.ts";
import { regsExact } from "../explore/reg-safe.ts";
import { RegType } from "../state/reg-type.ts";
import type { Register } from "../state/register.ts";
import type { VerifierState } from "../state/verifier-state.ts";

/**
 * The state in which the loop that `state` is in was at this instruction before: the newest cached one, with the same
 * calls, whose paths are still explored (`find_prev_entry`). Null for the first time around.
 */
export function findPrevEntry(env: Environment, state: VerifierState, insnIdx: number): VerifierState | null {
  const states = env.explored.at(insnIdx, env.current.frame.callsite);
  for (let i = states.length - 1; i >= 0; i--) {
    const cached = states[i]!;
    if (cached.insnIdx !== insnIdx || cached.branches === 0) continue;
    if (cached.dfsDepth < state.dfsDepth && sameCallsites(cached, state)) return cached;
  }
  return null;
}

/** `maybe_widen_reg` */
function maybeWidenReg(env: Environment, old: Register, current: Register): void {
  if (old.type !== RegType.SCALAR_VALUE || current.type !== RegType.SCALAR_VALUE) return;
  if (old.precise || current.precise || regsExact(old, current, env.idMap)) return;
  current.markUnknown(env.unknownIsPrecise);
}

/**
 * Forgets the values of numbers that changed since the last time around a loop and that nothing has relied on, so that
 * the next time around looks the same (`widen_imprecise_scalars`).
 */
export function widenImpreciseScalars(env: Environment, old: VerifierState, current: VerifierState): void {
  env.idMap.reset(env.idGen);
  for (let i = old.curframe; i >= 0; i--) {
    const oldFrame = old.frames[i]!;
    const frame = current.frames[i]!;
    for (let regno = 0; regno < oldFrame.regs.length; regno++) {
      maybeWidenReg(env, oldFrame.regs[regno]!, frame.regs[regno]!);
    }
    const slots = Math.min(oldFrame.stack.length, frame.stack.length);
    for (let spi = 0; spi < slots; spi++) {
      const oldSlot = oldFrame.stack[spi]!;
      const slot = frame.stack[spi]!;
      if (oldSlot.isSpill && slot.isSpill) maybeWidenReg(env, oldSlot.spilled, slot.spilled);
    }
  }
}
