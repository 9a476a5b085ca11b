import type { Environment } from "../environment/environment.ts";
import { REG_SIZE } from "../state/limits.ts";
import { RegType } from "../state/reg-type.ts";
import type { Register } from "../state/register.ts";
import type { VerifierState } from "../state/verifier-state.ts";

/** Of a register that holds a scalar, or a spilled one; the frame pointer never does. */
function isImprecise(reg: Register): boolean {
  return reg.type === RegType.SCALAR_VALUE && !reg.precise;
}

/** Marks all scalars of all ancestors of the state as precise (`mark_all_scalars_precise`). */
export function markAllScalarsPrecise(env: Environment, state: VerifierState): void {
  const { log } = env;
  if (log.level2) {
    log.write(`mark_precise: frame${state.curframe}: falling back to forcing all scalars precise\n`);
  }
  for (let at = state.parent; at !== null; at = at.parent) {
    for (let i = 0; i < at.frames.length; i++) {
      const frame = at.frames[i]!;
      const { regs, stack } = frame;
      for (let regno = 0; regno < regs.length; regno++) {
        const reg = regs[regno]!;
        if (!isImprecise(reg)) continue;
        frame.ownRegister(regno).precise = true;
        if (log.level2) log.write(`force_precise: frame${i}: forcing r${regno} to be precise\n`);
      }
      for (let spi = 0; spi < stack.length; spi++) {
        const slot = stack[spi]!;
        if (!slot.isSpill || !isImprecise(slot.spilled)) continue;
        frame.ownSlot(spi).spilled.precise = true;
        if (log.level2) {
          log.write(`force_precise: frame${i}: forcing fp${-(spi + 1) * REG_SIZE} to be precise\n`);
        }
      }
    }
  }
}

/** Forgets which scalars of the state are precise (`mark_all_scalars_imprecise`). */
export function markAllScalarsImprecise(state: VerifierState): void {
  for (const { regs, stack } of state.frames) {
    for (const reg of regs) if (reg.type === RegType.SCALAR_VALUE) reg.precise = false;
    for (const slot of stack) {
      if (slot.isSpill && slot.spilled.type === RegType.SCALAR_VALUE) slot.spilled.precise = false;
    }
  }
}
