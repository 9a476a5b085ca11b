import { Errno } from "../../uapi/index.ts";
import type { Environment } from "../environment/environment.ts";
import { tnumText } from "../log/number-text.ts";
import { isAllocatedObject, isNonOwningReference, mayBeNull, RegType, TypeFlag } from "../state/reg-type.ts";
import type { Register } from "../state/register.ts";
import { typeName } from "../types/walk.ts";
import type { AccessType } from "./access-type.ts";
import { markBtfLdReg } from "./btf-load.ts";
import { btfIsKernel } from "./btf-owner.ts";
import { checkBtfWrite, hasBtfWriteRules } from "./btf-write.ts";
import { hasFixedOffset } from "./register-facts.ts";
import { FieldTrust, isSafeField } from "./safe-fields.ts";
import { btfStructAccess, type StructAccess } from "./struct-access.ts";
import { clearTrustedFlags, inRcuCs, isRcuReg, isTrustedReg } from "./trust.ts";

/** An access to a struct that a pointer with a BTF type points to (`check_ptr_to_btf_access`). */
export function checkPtrToBtfAccess(
  env: Environment,
  regno: number,
  off: number,
  size: number,
  type: AccessType,
  valueRegno: number,
): void {
  const reg = env.reg(regno);
  refusePointer(env, reg, regno, off);
  const found = accessed(env, reg, off, size, type);
  if (type !== "read" || valueRegno < 0) return;
  const flags = found.regType === RegType.PTR_TO_BTF_ID ? pointerFlags(env, reg, found) : found.flags;
  markBtfLdReg(env, env.reg(valueRegno), found.regType, reg.btf!, found.btfId, flags);
}

/** Refuses what may not be done with the pointer, wherever it leads. */
function refusePointer(env: Environment, reg: Register, regno: number, off: number): void {
  const name = typeName(reg.btf!, reg.btfId);
  if (!env.allowPtrLeaks) {
    env.refuse(Errno.EPERM, `'struct ${name}' access is allowed only to CAP_PERFMON and CAP_SYS_ADMIN`);
  }
  if (!env.request.gplCompatible && env.release !== "6.1" && btfIsKernel(env, reg.btf!)) {
    env.refuse(Errno.EINVAL, `Cannot access kernel 'struct ${name}' from non-GPL compatible program`);
  }
  if (off < 0) env.refuse(Errno.EACCES, `R${regno} is ptr_${name} invalid negative access: off=${off}`);
  if (!hasFixedOffset(reg.bounds)) {
    const text = tnumText(reg.bounds.value, reg.bounds.mask);
    env.refuse(Errno.EACCES, `R${regno} is ptr_${name} invalid variable offset: off=${off}, var_off=${text}`);
  }
  if ((reg.type & TypeFlag.MEM_USER) !== 0) {
    env.refuse(Errno.EACCES, `R${regno} is ptr_${name} access user memory: off=${off}`);
  }
  if ((reg.type & TypeFlag.MEM_PERCPU) !== 0) {
    env.refuse(Errno.EACCES, `R${regno} is ptr_${name} access percpu memory: off=${off}`);
  }
}

const STORED: StructAccess = { regType: RegType.SCALAR_VALUE, btfId: 0, flags: 0, fieldName: "" };

function accessed(
  env: Environment,
  reg: Register,
  off: number,
  size: number,
  type: AccessType,
): StructAccess {
  const allocated = (reg.type & TypeFlag.MEM_ALLOC) !== 0;
  if (type === "write" && !allocated && hasBtfWriteRules(env)) {
    if (!btfIsKernel(env, reg.btf!)) env.refuse(Errno.EFAULT, "verifier bug: reg->btf must be kernel btf");
    checkBtfWrite(env, reg, off, size);
    return STORED;
  }
  if (type !== "read" && !isAllocatedObject(reg.type)) env.refuse(Errno.EACCES, "only read is supported");
  if (allocated && !isNonOwningReference(reg.type) && !isRcuReg(reg) && reg.refObjId === 0) {
    env.refuse(Errno.EFAULT, "verifier bug: ref_obj_id for allocated object must be non-zero");
  }
  return btfStructAccess(env, reg, off, size);
}

/** How far a pointer can be relied on that is read from what `reg` points to. */
function pointerFlags(env: Environment, reg: Register, { flags, fieldName, btfId }: StructAccess): number {
  if ((reg.type & TypeFlag.PTR_UNTRUSTED) !== 0) return TypeFlag.PTR_UNTRUSTED;
  // Plain pointers of old: what is read from them can be given to helpers.
  if (!isTrustedReg(reg) && !isRcuReg(reg)) return clearTrustedFlags(flags);
  if (isSafeField(reg, fieldName, btfId, FieldTrust.TRUSTED)) return flags | TypeFlag.PTR_TRUSTED;
  if (isSafeField(reg, fieldName, btfId, FieldTrust.TRUSTED_OR_NULL)) {
    return flags | TypeFlag.PTR_TRUSTED | TypeFlag.PTR_MAYBE_NULL;
  }
  if (!inRcuCs(env) || mayBeNull(reg.type)) return TypeFlag.PTR_UNTRUSTED;
  if (isSafeField(reg, fieldName, btfId, FieldTrust.RCU)) return flags | TypeFlag.MEM_RCU;
  const listed = isSafeField(reg, fieldName, btfId, FieldTrust.RCU_OR_NULL);
  if (listed || (flags & TypeFlag.MEM_RCU) !== 0) {
    const rcu = flags | TypeFlag.MEM_RCU | TypeFlag.PTR_MAYBE_NULL;
    return listed ? rcu & ~TypeFlag.PTR_UNTRUSTED : rcu;
  }
  if ((flags & (TypeFlag.MEM_PERCPU | TypeFlag.MEM_USER)) !== 0) return flags;
  return clearTrustedFlags(flags);
}
