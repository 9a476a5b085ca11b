import { describe, expect, it } from "vitest";
import { BtfKind } from "../../../src/btf/index.ts";
import { Errno } from "../../../src/uapi/index.ts";
import {
  type IteratorType,
  isIterRegValidInit,
  isIterRegValidUninit,
  markStackSlotsIter,
  unmarkStackSlotsIter,
} from "../../../src/verifier/objects/iterator.ts";
import { widenImpreciseScalars } from "../../../src/verifier/objects/widening.ts";
import { UNKNOWN } from "../../../src/verifier/ranges/bounds.ts";
import { TypeFlag } from "../../../src/verifier/state/reg-type.ts";
import { IteratorState } from "../../../src/verifier/state/register.ts";
import { SlotType } from "../../../src/verifier/state/stack-slot.ts";
import { pointToStack, withStack } from "./support.ts";
import { VMLINUX } from "./vmlinux.ts";

function typeOf(name: string): IteratorType {
  const btf = VMLINUX;
  const btfId = btf.findByName(name, BtfKind.STRUCT);
  return { btf, btfId, slots: btf.size(btfId) / 8 };
}

const NUM = typeOf("bpf_iter_num");
const TASK = typeOf("bpf_iter_task");

describe("an open-coded iterator on the stack", () => {
  it("is a reference, held by its first slot", () => {
    const test = withStack(4);
    markStackSlotsIter(test.env, pointToStack(test, 1, -32), 3, TASK, 0);
    const { stack } = test.env.frame;
    expect(TASK.slots).toBe(3);
    expect(stack.map((slot) => slot.kind === SlotType.ITER)).toEqual([false, true, true, true]);
    expect(stack.map(({ spilled }) => spilled.refObjId !== 0)).toEqual([false, false, false, true]);
    expect(stack[3]!.spilled).toMatchObject({ iterState: IteratorState.ACTIVE, iterDepth: 0 });
    expect(test.env.current.refs).toMatchObject([{ id: stack[3]!.spilled.refObjId, insnIdx: 3 }]);
    unmarkStackSlotsIter(test.env, pointToStack(test, 1, -32), TASK.slots);
    expect(test.env.current.refs).toEqual([]);
    expect(stack.every((slot) => slot.kind === SlotType.INVALID)).toBe(true);
  });

  it("is there, of its own type and whole, or not", () => {
    const test = withStack(6);
    const at = (off: number) => pointToStack(test, 1, off);
    expect(isIterRegValidInit(test.env, at(-8), NUM)).toBe(-Errno.EINVAL);
    expect(isIterRegValidUninit(test.env, at(-8), NUM.slots)).toBe(true);
    markStackSlotsIter(test.env, at(-8), 0, NUM, 0);
    expect(isIterRegValidInit(test.env, at(-8), NUM)).toBe(0);
    expect(isIterRegValidUninit(test.env, at(-8), NUM.slots)).toBe(false);
    expect(isIterRegValidInit(test.env, at(-8), { ...NUM, btfId: TASK.btfId })).toBe(-Errno.EINVAL);
    markStackSlotsIter(test.env, at(-48), 0, TASK, 0);
    expect(isIterRegValidInit(test.env, at(-40), TASK)).toBe(-Errno.EINVAL);
    test.env.frame.stack[4]!.setType(0, SlotType.MISC);
    expect(isIterRegValidInit(test.env, at(-48), TASK)).toBe(-Errno.EINVAL);
  });

  it("that began outside of an RCU section is not trusted", () => {
    const test = withStack(3);
    markStackSlotsIter(test.env, pointToStack(test, 1, -24), 0, TASK, TypeFlag.PTR_UNTRUSTED);
    expect(isIterRegValidInit(test.env, pointToStack(test, 1, -24), TASK)).toBe(-Errno.EPROTO);
  });
});

describe("widening", () => {
  it("forgets numbers that changed and that nothing relied on", () => {
    const test = withStack(1);
    const { env } = test;
    env.reg(1).markConstant(1n, false);
    env.reg(2).markConstant(2n, false);
    env.reg(3).markConstant(3n, false);
    env.reg(4).markConstant(4n, false);
    env.frame.stack[0]!.fill(SlotType.SPILL);
    env.frame.stack[0]!.spilled.markConstant(5n, false);
    const old = env.pool.copy(env.current);
    const current = env.pool.copy(env.current);
    current.regs[1]!.markConstant(7n, false);
    current.regs[2]!.markConstant(7n, false);
    current.regs[2]!.precise = true;
    current.regs[3]!.markConstant(7n, false);
    old.regs[3]!.precise = true;
    current.frame.stack[0]!.spilled.markConstant(7n, false);
    widenImpreciseScalars(env, old, current);
    expect(current.regs[1]!.bounds).toBe(UNKNOWN);
    expect([2, 3, 4].map((regno) => current.regs[regno]!.bounds.value)).toEqual([7n, 7n, 4n]);
    expect(current.frame.stack[0]!.spilled.bounds).toBe(UNKNOWN);
  });
});
