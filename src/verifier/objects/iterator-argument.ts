import { type Btf, BtfKind } from "../../btf/index.ts";
import { KfuncFlag } from "../../platform/index.ts";
import { Errno } from "../../uapi/index.ts";
import { inRcuCs } from "../access/trust.ts";
import type { Environment } from "../environment/environment.ts";
import { Rejection } from "../environment/rejection.ts";
import type { KfuncCall } from "../kfuncs/kfunc-meta.ts";
import { iterTypeStr } from "../log/reg-type-text.ts";
import { REG_SIZE } from "../state/limits.ts";
import { RegType, TypeFlag } from "../state/reg-type.ts";
import { writeObject } from "./dynptr-argument.ts";
import {
  type IteratorType,
  isIterRegValidInit,
  isIterRegValidUninit,
  iterGetSpi,
  markStackSlotsIter,
  unmarkStackSlotsIter,
} from "./iterator.ts";
import { frameOf, markObjectRead, slotOrReject } from "./stack-object.ts";

const PREFIX = "bpf_iter_";

/** The iterator that a parameter points to, or null where it points to none (`btf_check_iter_arg`). */
function iteratorType(btf: Btf, target: number): IteratorType | null {
  if (btf.kind(target) !== BtfKind.STRUCT || !btf.name(target).startsWith(PREFIX)) return null;
  return { btf, btfId: target, slots: Math.floor(btf.size(target) / REG_SIZE) };
}

/** Checks an argument that is an open-coded iterator: to be begun, moved on, ended, or asked (`process_iter_arg`). */
export function processIterArg(env: Environment, regno: number, insnIdx: number, meta: KfuncCall): void {
  const reg = env.reg(regno);
  const argument = regno - 1;
  if (reg.type !== RegType.PTR_TO_STACK) {
    env.refuse(Errno.EINVAL, `arg#${argument} expected pointer to an iterator on stack`);
  }
  const type = iteratorType(meta.btf, meta.signature.params[argument]!.target);
  if (type === null) env.refuse(Errno.EINVAL, `expected valid iter pointer as arg #${argument}`);
  if (meta.has(KfuncFlag.ITER_NEW)) {
    if (!isIterRegValidUninit(env, reg, type.slots)) {
      env.refuse(
        Errno.EINVAL,
        `expected uninitialized iter_${iterTypeStr(type.btf, type.btfId)} as arg #${argument}`,
      );
    }
    writeObject(env, insnIdx, regno, type.slots * REG_SIZE);
    let flags = 0;
    if (meta.has(KfuncFlag.RCU_PROTECTED)) {
      flags = inRcuCs(env) ? TypeFlag.MEM_RCU : TypeFlag.PTR_UNTRUSTED;
    }
    markStackSlotsIter(env, reg, insnIdx, type, flags);
    return;
  }
  const error = isIterRegValidInit(env, reg, type);
  if (error === -Errno.EINVAL) {
    env.refuse(
      Errno.EINVAL,
      `expected an initialized iter_${iterTypeStr(type.btf, type.btfId)} as arg #${argument}`,
    );
  }
  if (error === -Errno.EPROTO) env.refuse(Errno.EPROTO, `expected an RCU CS when using ${meta.name}`);
  if (error < 0) throw new Rejection(-error, "");
  const spi = slotOrReject(iterGetSpi(env, reg, type.slots));
  markObjectRead(env, reg, spi, type.slots);
  meta.iterSpi = spi;
  meta.iterFrameno = reg.frameno;
  meta.refObjId = frameOf(env, reg).stack[spi]!.spilled.refObjId;
  if (meta.has(KfuncFlag.ITER_DESTROY)) unmarkStackSlotsIter(env, reg, type.slots);
}
