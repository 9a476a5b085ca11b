import type { Environment } from "../environment/environment.ts";
import type { Frame } from "../state/frame.ts";
import { REG_SIZE } from "../state/limits.ts";
import { RegType } from "../state/reg-type.ts";
import { Register } from "../state/register.ts";
import { SlotType, type StackSlot } from "../state/stack-slot.ts";
import { ExactLevel, regSafe } from "./reg-safe.ts";

const UNBOUND = new Register();
UNBOUND.markUnknownImprecise();

/** What is safe to do with `old`'s stack is safe to do with `current`'s (`stacksafe`). */
export function stackSafe(env: Environment, old: Frame, current: Frame, exact: ExactLevel): boolean {
  for (let spi = 0; spi < old.stack.length; spi++) {
    if (!slotSafe(env, old.stack[spi]!, current.stack[spi], exact)) return false;
  }
  return true;
}

function slotSafe(
  env: Environment,
  old: StackSlot,
  current: StackSlot | undefined,
  exact: ExactLevel,
): boolean {
  if (exact === ExactLevel.NOT_EXACT && old.isFilled(SlotType.INVALID)) return true;
  // As the kernel, byte by byte: what the first byte decides, later ones are not asked for.
  for (let i = 0; i < REG_SIZE; i++) {
    const type = old.typeOf(i);
    if (exact !== ExactLevel.NOT_EXACT && (current === undefined || type !== current.typeOf(i))) {
      return false;
    }
    if (type === SlotType.INVALID) continue;
    if (env.allowUninitStack && type === SlotType.MISC) continue;
    if (current === undefined) return false;
    const oldReg = scalarRegForStack(env, old);
    if (oldReg !== null) {
      const currentReg = scalarRegForStack(env, current);
      if (currentReg !== null) return regSafe(env, oldReg, currentReg, exact);
    }
    const currentType = current.typeOf(i);
    if (type === SlotType.MISC && currentType === SlotType.ZERO) continue;
    if (type !== currentType) return false;
    if (i === REG_SIZE - 1 && !contentSafe(env, old, current, exact)) return false;
  }
  return true;
}

/** The last bytes of both are of the same kind. */
function contentSafe(env: Environment, old: StackSlot, current: StackSlot, exact: ExactLevel): boolean {
  const ids = env.idMap;
  const before = old.spilled;
  const now = current.spilled;
  switch (old.kind) {
    case SlotType.SPILL:
      return regSafe(env, before, now, exact);
    case SlotType.DYNPTR:
      return (
        before.dynptrType === now.dynptrType &&
        before.dynptrFirstSlot === now.dynptrFirstSlot &&
        ids.matches(before.refObjId, now.refObjId)
      );
    case SlotType.ITER:
      // Not the depth: it only keeps loops from being taken for endless ones.
      return (
        before.btf === now.btf &&
        before.btfId === now.btfId &&
        before.iterState === now.iterState &&
        ids.matches(before.refObjId, now.refObjId)
      );
    case SlotType.IRQ_FLAG:
      return ids.matches(before.refObjId, now.refObjId) && before.irqClass === now.irqClass;
    default:
      return true;
  }
}

/** The scalar that a load of the whole slot gives; null where it gives none (`scalar_reg_for_stack`). */
function scalarRegForStack(env: Environment, slot: StackSlot): Register | null {
  const { spilled } = slot;
  if (slot.typeOf(0) === SlotType.SPILL && spilled.type === RegType.SCALAR_VALUE) return spilled;
  for (let i = 0; i < REG_SIZE; i++) {
    const type = slot.typeOf(i);
    if (type !== SlotType.MISC && !(type === SlotType.INVALID && env.allowUninitStack)) return null;
  }
  return UNBOUND;
}
