import { type Btf, BtfKind } from "../../btf/index.ts";
import { DEVICE_BOUND_KFUNCS } from "../../platform/index.ts";
import { Errno } from "../../uapi/index.ts";
import type { Environment } from "../environment/environment.ts";
import { kfuncKey } from "../environment/kfunc-description.ts";
import { Rejection } from "../environment/rejection.ts";
import { checkFuncModel } from "../types/function-model.ts";
import { readSignature } from "./signature.ts";
import { SpecialKfunc, specialKfuncNamed } from "./special-kfunc.ts";

/** `MAX_KFUNC_DESCS`, `MAX_KFUNC_BTFS` */
const MAX_KFUNCS = 256;
const MAX_BTFS = 256;

/** Enters the kernel function that a call with this `imm` and `off` names (`add_kfunc_call`). */
export function addKfuncCall(env: Environment, funcId: number, offset: number): void {
  const vmlinux = env.request.kernel.btf;
  if (vmlinux === null) {
    env.refuse(Errno.ENOTSUPP, "calling kernel function is not supported without CONFIG_DEBUG_INFO_BTF");
  }
  if (!env.request.gplCompatible) {
    env.refuse(Errno.EINVAL, "cannot call kernel function from non-GPL compatible program");
  }
  // Such a call is an error only where it is reached.
  if (funcId === 0 && offset === 0) return;
  const btf = findKfuncDescBtf(env, vmlinux, offset);
  const key = kfuncKey(funcId, offset);
  if (env.kfuncs.has(key)) return;
  if (env.kfuncs.size === MAX_KFUNCS) {
    env.refuse(Errno.E2BIG, "too many different kernel function calls");
  }
  if (!btf.has(funcId) || btf.kind(funcId) !== BtfKind.FUNC) {
    env.refuse(Errno.EINVAL, `kernel btf_id ${funcId >>> 0} is not a function`);
  }
  const prototype = btf.ref(funcId);
  if (!btf.has(prototype) || btf.kind(prototype) !== BtfKind.FUNC_PROTO) {
    env.refuse(Errno.EINVAL, `kernel function btf_id ${funcId} does not have a valid func_proto`);
  }
  const name = btf.name(funcId);
  const address = env.request.kernel.symbolAddress(name);
  if (address === null) {
    env.refuse(Errno.EINVAL, `cannot find address for kernel function ${name}`);
  }
  const ofVmlinux = btf === vmlinux;
  if (ofVmlinux && DEVICE_BOUND_KFUNCS.has(name) && env.request.devBound !== true) {
    env.refuse(Errno.EINVAL, "metadata kfuncs require device-bound program");
  }
  checkFuncModel(env, btf, prototype, name);
  env.kfuncs.set(key, {
    btf,
    funcId,
    name,
    prototype,
    address,
    verdict: null,
    contexts: null,
    special: ofVmlinux ? specialKfuncNamed(name) : SpecialKfunc.NONE,
    signature: readSignature(btf, prototype, vmlinux),
  });
}

/** The types that a call's `off` chooses: the kernel's, or those of a module (`find_kfunc_desc_btf`). */
function findKfuncDescBtf(env: Environment, vmlinux: Btf, offset: number): Btf {
  if (offset === 0) return vmlinux;
  try {
    if (offset < 0) {
      env.refuse(Errno.EINVAL, "negative offset disallowed for kernel module function call");
    }
    return moduleBtf(env, offset);
  } catch (error) {
    if (error instanceof Rejection) env.log.write("failed to find BTF for kernel function\n");
    throw error;
  }
}

/** `__find_kfunc_desc_btf` */
function moduleBtf(env: Environment, offset: number): Btf {
  const known = env.kfuncBtfs.get(offset);
  if (known !== undefined) return known;
  if (env.kfuncBtfs.size === MAX_BTFS) env.refuse(Errno.E2BIG, "too many different module BTFs");
  const { files } = env.request;
  if (files.fdArray === null) {
    env.refuse(Errno.EPROTO, "kfunc offset > 0 without fd_array is invalid");
  }
  const fd = files.fdArray(offset);
  if (fd === null) throw new Rejection(Errno.EFAULT, "");
  const file = files.file(fd);
  if (file?.kind !== "btf") {
    env.refuse(file === null ? Errno.EBADF : Errno.EINVAL, "invalid module BTF fd specified");
  }
  if (!file.module) env.refuse(Errno.EINVAL, "BTF fd for kfunc is not a module BTF");
  env.kfuncBtfs.set(offset, file.btf);
  return file.btf;
}
