import type { Register } from "../../../src/verifier/state/register.ts";
import { StackSlot } from "../../../src/verifier/state/stack-slot.ts";
import { type Case, verification } from "../calls/support.ts";

/** A verification whose stack has this many slots, at the first instruction. */
export function withStack(slots: number): Case {
  const test = verification();
  for (let i = 0; i < slots; i++) test.env.frame.stack.push(new StackSlot());
  return test;
}

/** Makes a register a pointer to the stack, `off` from the frame pointer. */
export function pointToStack(test: Case, regno: number, off: number): Register {
  const reg = test.env.reg(regno);
  reg.copyFrom(test.env.reg(10));
  reg.off = off;
  return reg;
}
