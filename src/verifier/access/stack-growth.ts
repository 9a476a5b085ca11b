import type { Environment } from "../environment/environment.ts";
import type { Frame } from "../state/frame.ts";
import { REG_SIZE } from "../state/limits.ts";
import { StackSlot } from "../state/stack-slot.ts";

/** Makes the frame's stack at least `size` bytes, and its function's depth with it (`grow_stack_state`). */
export function growStackState(env: Environment, frame: Frame, size: number): void {
  const slots = Math.ceil(size / REG_SIZE);
  const { stack } = frame;
  if (stack.length >= slots) return;
  while (stack.length < slots) stack.push(new StackSlot());
  const subprogram = env.subprograms[frame.subprogno]!;
  subprogram.stackDepth = Math.max(subprogram.stackDepth, slots * REG_SIZE);
}
