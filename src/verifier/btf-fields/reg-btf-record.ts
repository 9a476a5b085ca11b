import type { Btf } from "../../btf/index.ts";
import type { Environment } from "../environment/environment.ts";
import type { StructMeta } from "../environment/insn-aux.ts";
import { type BtfRecord, FieldType, hasField } from "../environment/record.ts";
import { Rejection } from "../environment/rejection.ts";
import { isAllocatedObject, RegType } from "../state/reg-type.ts";
import type { Register } from "../state/register.ts";
import { parseStructMetas, type StructMetas } from "./struct-metas.ts";

/** What is special in a struct of a program's BTF, or null (`btf_find_struct_meta`). */
export function btfFindStructMeta(env: Environment, btf: Btf | null, btfId: number): StructMeta | null {
  const vmlinux = env.request.kernel.btf;
  // The kernel looks for special fields in the BTFs that programs bring along only.
  if (btf === null || vmlinux === null || btf === vmlinux || btf.base === vmlinux) return null;
  let metas = env.structMetas.get(btf);
  if (metas === undefined) {
    metas = structMetasOrNone(btf, vmlinux);
    env.structMetas.set(btf, metas);
  }
  return metas.get(btfId) ?? null;
}

function structMetasOrNone(btf: Btf, vmlinux: Btf): StructMetas {
  try {
    return parseStructMetas(btf, [vmlinux]);
  } catch (error) {
    // Such a BTF cannot be loaded.
    if (error instanceof Rejection) return new Map();
    throw error;
  }
}

/** The special fields of what a register points to (`reg_btf_record`). */
export function regBtfRecord(env: Environment, reg: Register): BtfRecord | null {
  if (reg.type === RegType.PTR_TO_MAP_VALUE) return reg.map!.record;
  if (isAllocatedObject(reg.type)) return btfFindStructMeta(env, reg.btf, reg.btfId)?.record ?? null;
  return null;
}

/** `reg_may_point_to_spin_lock` */
export function regMayPointToSpinLock(env: Environment, reg: Register): boolean {
  return hasField(regBtfRecord(env, reg), FieldType.SPIN_LOCK | FieldType.RES_SPIN_LOCK);
}
