import { describe, expect, it } from "vitest";
import { Errno } from "../../../src/uapi/index.ts";
import { ArgType } from "../../../src/verifier/calls/argument-type.ts";
import {
  destroyIfDynptrStackSlot,
  dynptrGetType,
  dynptrId,
  dynptrRefObjId,
  isDynptrRegValidInit,
  isDynptrRegValidUninit,
  isDynptrTypeExpected,
  markDynptrReg,
  markStackSlotsDynptr,
  unmarkStackSlotsDynptr,
} from "../../../src/verifier/objects/dynptr.ts";
import { RegType, TypeFlag } from "../../../src/verifier/state/reg-type.ts";
import { DynptrType } from "../../../src/verifier/state/register.ts";
import { SlotType } from "../../../src/verifier/state/stack-slot.ts";
import { type Case, point, refusal } from "../calls/support.ts";
import { pointToStack, withStack } from "./support.ts";

const LOCAL = ArgType.ARG_PTR_TO_DYNPTR | TypeFlag.DYNPTR_TYPE_LOCAL;
const RINGBUF = ArgType.ARG_PTR_TO_DYNPTR | TypeFlag.DYNPTR_TYPE_RINGBUF;

/** Makes a dynptr at `off`. */
function make(test: Case, off: number, argType: number, clone = 0): void {
  markStackSlotsDynptr(test.env, pointToStack(test, 1, off), argType, 5, clone);
}

const kinds = (test: Case) => test.env.frame.stack.map((slot) => slot.kind);

describe("a dynptr on the stack", () => {
  it("takes two slots, the first above the second, with one id", () => {
    const test = withStack(4);
    make(test, -16, LOCAL);
    const [low, high] = test.env.frame.stack;
    expect(kinds(test)).toEqual([SlotType.DYNPTR, SlotType.DYNPTR, SlotType.INVALID, SlotType.INVALID]);
    expect([high!.spilled.dynptrFirstSlot, low!.spilled.dynptrFirstSlot]).toEqual([true, false]);
    expect(high!.spilled.id).toBe(low!.spilled.id);
    const reg = pointToStack(test, 2, -16);
    expect(isDynptrRegValidInit(test.env, reg)).toBe(true);
    expect(dynptrGetType(test.env, reg)).toBe(DynptrType.LOCAL);
    expect(dynptrId(test.env, reg)).toBe(high!.spilled.id);
    expect(dynptrRefObjId(test.env, reg)).toBe(0);
    expect(isDynptrTypeExpected(test.env, reg, LOCAL)).toBe(true);
    expect(isDynptrTypeExpected(test.env, reg, RINGBUF)).toBe(false);
    expect(isDynptrTypeExpected(test.env, reg, ArgType.ARG_PTR_TO_DYNPTR)).toBe(true);
  });

  it("is told from its second slot, from half of two and from none", () => {
    const test = withStack(6);
    make(test, -16, LOCAL);
    make(test, -32, LOCAL);
    for (const off of [-8, -24, -48]) {
      expect(isDynptrRegValidInit(test.env, pointToStack(test, 2, off))).toBe(false);
    }
  });

  it("has to be at a constant, aligned offset with room for it", () => {
    const test = withStack(4);
    expect(isDynptrRegValidInit(test.env, pointToStack(test, 1, -12))).toBe(false);
    expect(test.log()).toBe("cannot pass in dynptr at an offset=-12\n");
    expect(isDynptrRegValidUninit(test.env, pointToStack(test, 1, -8))).toBe(false);
    expect(test.log()).toContain("cannot pass in dynptr at an offset=-8\n");
    const reg = pointToStack(test, 1, -16);
    reg.markUnknown(false);
    reg.type = RegType.PTR_TO_STACK;
    expect(isDynptrRegValidUninit(test.env, reg)).toBe(false);
    expect(test.log()).toContain("dynptr has to be at a constant offset\n");
  });

  it("may be made below what the stack has yet", () => {
    const test = withStack(0);
    expect(isDynptrRegValidUninit(test.env, pointToStack(test, 1, -64))).toBe(true);
    expect(isDynptrRegValidInit(test.env, pointToStack(test, 1, -64))).toBe(false);
    expect(test.log()).toBe("");
  });

  it("takes another's place only where that is not referenced", () => {
    const test = withStack(6);
    make(test, -16, LOCAL);
    make(test, -32, LOCAL);
    // Over the lower half of one and the upper half of the other.
    make(test, -24, LOCAL);
    expect(kinds(test).map((kind) => kind === SlotType.DYNPTR)).toEqual([
      false,
      true,
      true,
      false,
      false,
      false,
    ]);
    make(test, -48, RINGBUF);
    expect(refusal(test, () => make(test, -40, LOCAL))).toEqual([
      Errno.EINVAL,
      "cannot overwrite referenced dynptr\n",
    ]);
  });

  it("takes its slices with it when a write destroys it", () => {
    const test = withStack(2);
    make(test, -16, LOCAL);
    const id = dynptrId(test.env, pointToStack(test, 1, -16));
    point(test.env.reg(3), RegType.PTR_TO_MEM, { dynptrId: id, memSize: 8 });
    point(test.env.reg(4), RegType.PTR_TO_MEM | TypeFlag.PTR_MAYBE_NULL, { dynptrId: id });
    point(test.env.reg(5), RegType.PTR_TO_MEM, { dynptrId: id + 1 });
    destroyIfDynptrStackSlot(test.env, test.env.frame, 0);
    expect(kinds(test)).toEqual([SlotType.INVALID, SlotType.INVALID]);
    expect([3, 4, 5].map((regno) => test.env.reg(regno).type)).toEqual([
      RegType.SCALAR_VALUE,
      RegType.SCALAR_VALUE,
      RegType.PTR_TO_MEM,
    ]);
  });

  it("of a ring buffer is a reference that its clones share", () => {
    const test = withStack(6);
    make(test, -16, RINGBUF);
    const reference = dynptrRefObjId(test.env, pointToStack(test, 1, -16));
    expect(test.env.current.refs).toMatchObject([{ id: reference, insnIdx: 5 }]);
    make(test, -32, RINGBUF, reference);
    make(test, -48, LOCAL);
    expect(test.env.current.refs).toHaveLength(1);
    point(test.env.reg(3), RegType.PTR_TO_MEM, { refObjId: reference });
    unmarkStackSlotsDynptr(test.env, pointToStack(test, 1, -32));
    expect(test.env.current.refs).toEqual([]);
    expect(kinds(test).map((kind) => kind === SlotType.DYNPTR)).toEqual([
      false,
      false,
      false,
      false,
      true,
      true,
    ]);
    expect(test.env.reg(3).type).toBe(RegType.SCALAR_VALUE);
  });

  it("may be a register, in callbacks", () => {
    const test = withStack(0);
    const reg = test.env.reg(1);
    markDynptrReg(reg, DynptrType.LOCAL, true, 9);
    expect(isDynptrRegValidInit(test.env, reg)).toBe(true);
    expect(isDynptrRegValidUninit(test.env, reg)).toBe(false);
    expect(dynptrGetType(test.env, reg)).toBe(DynptrType.LOCAL);
    expect(dynptrId(test.env, reg)).toBe(9);
  });
});
