import type { Btf } from "../../btf/index.ts";
import { BtfKind } from "../../btf/index.ts";
import { RCU_PROTECTED_STRUCTS } from "../../platform/index.ts";
import type { Environment } from "../environment/environment.ts";
import { baseType, hasUnsafeModifiers, RegType, TypeFlag } from "../state/reg-type.ts";
import type { Register } from "../state/register.ts";
import { btfIsKernel } from "./btf-owner.ts";

/** `BPF_REG_TRUSTED_MODIFIERS` */
const TRUSTED_MODIFIERS = TypeFlag.MEM_ALLOC | TypeFlag.PTR_TRUSTED | TypeFlag.NON_OWN_REF;

/** `in_sleepable` */
export function inSleepable(env: Environment): boolean {
  return env.current.inSleepable;
}

/** Objects that RCU protects stay: between bpf_rcu_read_lock and its end, under a lock, in what cannot sleep. */
export function inRcuCs(env: Environment): boolean {
  const { current } = env;
  return current.activeRcuLock || current.activeLocks > 0 || !current.inSleepable;
}

/** Kernel types of registers that have no BTF id of their own (`reg2btf_ids`), by {@link RegType}. */
const KERNEL_STRUCTS: ReadonlyMap<number, string> = new Map([
  [RegType.PTR_TO_SOCKET, "sock"],
  [RegType.PTR_TO_SOCK_COMMON, "sock_common"],
  [RegType.PTR_TO_TCP_SOCK, "tcp_sock"],
  [RegType.CONST_PTR_TO_MAP, "bpf_map"],
]);

/** The name of the kernel struct that a register of this base points to, where it is always one (`reg2btf_ids`). */
export function kernelStructOf(base: number): string | null {
  return KERNEL_STRUCTS.get(base) ?? null;
}

/** The pointer is valid, and its object stays for as long as it is used (`is_trusted_reg`). */
export function isTrustedReg(reg: Register): boolean {
  if (reg.refObjId !== 0) return true;
  if (hasUnsafeModifiers(reg.type)) return false;
  return KERNEL_STRUCTS.has(baseType(reg.type)) || (reg.type & TRUSTED_MODIFIERS) !== 0;
}

/** `is_rcu_reg` */
export function isRcuReg(reg: Register): boolean {
  return (reg.type & TypeFlag.MEM_RCU) !== 0;
}

/** `clear_trusted_flags` */
export function clearTrustedFlags(flags: number): number {
  return flags & ~(TRUSTED_MODIFIERS | TypeFlag.MEM_RCU);
}

/** Objects of this type are freed after a grace period; all that programs allocate are (`rcu_protected_object`). */
export function rcuProtectedObject(env: Environment, btf: Btf, btfId: number): boolean {
  if (!btfIsKernel(env, btf)) return true;
  return btf.kind(btfId) === BtfKind.STRUCT && RCU_PROTECTED_STRUCTS.has(btf.name(btfId));
}
