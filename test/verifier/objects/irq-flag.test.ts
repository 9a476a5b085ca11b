import { describe, expect, it } from "vitest";
import { Errno } from "../../../src/uapi/index.ts";
import {
  isIrqFlagRegValidInit,
  isIrqFlagRegValidUninit,
  markStackSlotIrqFlag,
  unmarkStackSlotIrqFlag,
} from "../../../src/verifier/objects/irq-flag.ts";
import { IrqClass } from "../../../src/verifier/state/register.ts";
import { refusal } from "../calls/support.ts";
import { pointToStack, withStack } from "./support.ts";

describe("a saved interrupt state", () => {
  it("is restored once, by functions of its own kind", () => {
    const test = withStack(1);
    const reg = pointToStack(test, 1, -8);
    expect(isIrqFlagRegValidUninit(test.env, reg)).toBe(true);
    markStackSlotIrqFlag(test.env, reg, 4, IrqClass.NATIVE);
    expect(isIrqFlagRegValidUninit(test.env, reg)).toBe(false);
    expect(isIrqFlagRegValidInit(test.env, reg)).toBe(true);
    expect(refusal(test, () => unmarkStackSlotIrqFlag(test.env, reg, IrqClass.LOCK))).toEqual([
      Errno.EINVAL,
      "irq flag acquired by native kfuncs cannot be restored with lock kfuncs\n",
    ]);
    unmarkStackSlotIrqFlag(test.env, reg, IrqClass.NATIVE);
    expect(isIrqFlagRegValidInit(test.env, reg)).toBe(false);
    expect(test.env.current.activeIrqId).toBe(0);
  });

  it("is restored before those that were saved earlier", () => {
    const test = withStack(2);
    markStackSlotIrqFlag(test.env, pointToStack(test, 1, -8), 4, IrqClass.NATIVE);
    markStackSlotIrqFlag(test.env, pointToStack(test, 2, -16), 6, IrqClass.NATIVE);
    const early = () => unmarkStackSlotIrqFlag(test.env, test.env.reg(1), IrqClass.NATIVE);
    expect(refusal(test, early)).toEqual([
      Errno.EACCES,
      "cannot restore irq state out of order, expected id=2 acquired at insn_idx=6\n",
    ]);
    unmarkStackSlotIrqFlag(test.env, test.env.reg(2), IrqClass.NATIVE);
    early();
    expect(test.env.current.refs).toEqual([]);
  });
});
