import type { Environment } from "../environment/environment.ts";
import type { Frame } from "../state/frame.ts";
import { REG_SIZE } from "../state/limits.ts";
import { SlotType, type StackSlot } from "../state/stack-slot.ts";

/** The current instruction may read the slot (`bpf_mark_stack_read`). */
export function markStackRead(env: Environment, frameno: number, spi: number): void {
  env.stackLiveness.markRead(frameno, env.insnIdx, spi);
}

/** The current instruction overwrites the whole slot (`bpf_mark_stack_write`). */
export function markStackWrite(env: Environment, frameno: number, spi: number): void {
  env.stackLiveness.markWrite(frameno, spi);
}

/** `is_stack_slot_special` */
export function isSpecialSlot(slot: StackSlot): boolean {
  switch (slot.kind) {
    case SlotType.INVALID:
    case SlotType.MISC:
    case SlotType.ZERO:
      return false;
    default:
      return true;
  }
}

/** What was more than plain data becomes data of any value (`scrub_spilled_slot` for each byte). */
export function scrubSlot(slot: StackSlot): void {
  for (let i = 0; i < REG_SIZE; i++) {
    if (slot.typeOf(i) !== SlotType.INVALID) slot.setType(i, SlotType.MISC);
  }
}

/** Below any offset of a stack access. */
const NO_FASTCALL_STACK = -0x8000;

/**
 * Slots below `fastcallStackOff` belong to the spills around calls that keep r1 to r5. If anything else touches them,
 * these spills stay in the function (`check_fastcall_stack_contract`).
 */
export function checkFastcallStackContract(
  env: Environment,
  frame: Frame,
  insnIdx: number,
  off: number,
): void {
  const subprogram = env.subprograms[frame.subprogno]!;
  if (subprogram.fastcallStackOff <= off || env.aux[insnIdx]!.fastcallPattern) return;
  subprogram.fastcallStackOff = NO_FASTCALL_STACK;
  const end = env.subprograms[frame.subprogno + 1]?.start ?? env.insns.length;
  for (let slot = subprogram.start; slot < end; slot++) {
    const aux = env.aux[slot]!;
    aux.fastcallSpillsNum = 0;
    aux.fastcallPattern = false;
  }
}
