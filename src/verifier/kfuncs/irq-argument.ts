import { Errno } from "../../uapi/index.ts";
import type { Environment } from "../environment/environment.ts";
import { writeObject } from "../objects/dynptr-argument.ts";
import {
  isIrqFlagRegValidInit,
  isIrqFlagRegValidUninit,
  markIrqFlagRead,
  markStackSlotIrqFlag,
  unmarkStackSlotIrqFlag,
} from "../objects/irq-flag.ts";
import { REG_SIZE } from "../state/limits.ts";
import { IrqClass } from "../state/register.ts";
import type { KfuncCall } from "./kfunc-meta.ts";
import { type SpecialKfunc as Kfunc, SpecialKfunc } from "./special-kfunc.ts";

const SAVES: ReadonlyMap<Kfunc, IrqClass> = new Map<Kfunc, IrqClass>([
  [SpecialKfunc.bpf_local_irq_save, IrqClass.NATIVE],
  [SpecialKfunc.bpf_res_spin_lock_irqsave, IrqClass.LOCK],
]);
const RESTORES: ReadonlyMap<Kfunc, IrqClass> = new Map<Kfunc, IrqClass>([
  [SpecialKfunc.bpf_local_irq_restore, IrqClass.NATIVE],
  [SpecialKfunc.bpf_res_spin_unlock_irqrestore, IrqClass.LOCK],
]);

/** Checks an argument in which the interrupt state is saved, or from which it is restored (`process_irq_flag`). */
export function processIrqFlag(env: Environment, regno: number, meta: KfuncCall): void {
  const reg = env.reg(regno);
  const saved = SAVES.get(meta.special);
  if (saved !== undefined) {
    if (!isIrqFlagRegValidUninit(env, reg)) {
      env.refuse(Errno.EINVAL, `expected uninitialized irq flag as arg#${regno - 1}`);
    }
    writeObject(env, env.insnIdx, regno, REG_SIZE);
    markStackSlotIrqFlag(env, reg, env.insnIdx, saved);
    return;
  }
  const restored = RESTORES.get(meta.special);
  if (restored === undefined) env.refuse(Errno.EFAULT, "verifier bug: unknown irq flags kfunc");
  if (!isIrqFlagRegValidInit(env, reg)) {
    env.refuse(Errno.EINVAL, `expected an initialized irq flag as arg#${regno - 1}`);
  }
  markIrqFlagRead(env, reg);
  unmarkStackSlotIrqFlag(env, reg, restored);
}
