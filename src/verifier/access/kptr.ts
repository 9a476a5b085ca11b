import { Errno } from "../../uapi/index.ts";
import { btfFindStructMeta } from "../btf-fields/reg-btf-record.ts";
import type { Environment } from "../environment/environment.ts";
import { type BtfField, FieldType, GRAPH_NODE_MASK, hasField } from "../environment/record.ts";
import { regTypeStr } from "../log/reg-type-text.ts";
import { baseType, RegType, TypeFlag, typeFlags } from "../state/reg-type.ts";
import type { Register } from "../state/register.ts";
import { typeName } from "../types/walk.ts";
import { markBtfLdReg } from "./btf-load.ts";
import { btfIsKernel } from "./btf-owner.ts";
import { checkPtrOffReg } from "./pointer-offset.ts";
import { registerIsNull } from "./register-facts.ts";
import { btfStructIdsMatch } from "./struct-match.ts";
import { inRcuCs, rcuProtectedObject } from "./trust.ts";

const FIXED_OFFSET_OK = { fixedOffOk: true };

/** Flags that a pointer to be stored in the field may have. */
function allowedFlags(env: Environment, field: BtfField, reg: Register): number {
  // The kernel reads reg->btf before it knows that there is one; a null is no kernel's.
  if (reg.btf !== null && btfIsKernel(env, reg.btf)) {
    const flags = TypeFlag.PTR_MAYBE_NULL | TypeFlag.PTR_TRUSTED | TypeFlag.MEM_RCU;
    return field.type === FieldType.KPTR_UNREF ? flags | TypeFlag.PTR_UNTRUSTED : flags;
  }
  const flags = TypeFlag.PTR_MAYBE_NULL | TypeFlag.MEM_ALLOC;
  return field.type === FieldType.KPTR_PERCPU ? flags | TypeFlag.MEM_PERCPU : flags;
}

/** Refuses a pointer that a field of a map's value cannot hold (`map_kptr_match_type`). */
export function mapKptrMatchType(env: Environment, field: BtfField, reg: Register, regno: number): void {
  const { btf, btfId } = field.pointer!;
  const target = typeName(btf, btfId);
  let held = "";
  if (
    baseType(reg.type) === RegType.PTR_TO_BTF_ID &&
    (typeFlags(reg.type) & ~allowedFlags(env, field, reg)) === 0
  ) {
    held = typeName(reg.btf!, reg.btfId);
    checkPtrOffReg(env, reg, regno, FIXED_OFFSET_OK);
    // A pointer that is owned is given away whole: no struct inside will do.
    const strict = field.type !== FieldType.KPTR_UNREF;
    if (btfStructIdsMatch(env, reg.btf!, reg.btfId, reg.off, btf, btfId, strict)) return;
  }
  let message = `invalid kptr access, R${regno} type=${regTypeStr(reg.type)}${held} `;
  message += `expected=${regTypeStr(RegType.PTR_TO_BTF_ID)}${target}`;
  if (field.type === FieldType.KPTR_UNREF) {
    message += ` or ${regTypeStr(RegType.PTR_TO_BTF_ID | TypeFlag.PTR_UNTRUSTED)}${target}`;
  }
  env.refuse(Errno.EACCES, message);
}

/** `rcu_safe_kptr` */
function isRcuSafe(env: Environment, { type, pointer }: BtfField): boolean {
  if (type === FieldType.KPTR_PERCPU) return true;
  return type === FieldType.KPTR_REF && rcuProtectedObject(env, pointer!.btf, pointer!.btfId);
}

/** Flags of a pointer that is read from a field (`btf_ld_kptr_type`). */
function loadedFlags(env: Environment, field: BtfField): number {
  if (!isRcuSafe(env, field) || !inRcuCs(env)) return TypeFlag.PTR_MAYBE_NULL | TypeFlag.PTR_UNTRUSTED;
  const { btf, btfId } = field.pointer!;
  let flags: number = TypeFlag.PTR_MAYBE_NULL | TypeFlag.MEM_RCU;
  if (field.type === FieldType.KPTR_PERCPU) flags |= TypeFlag.MEM_PERCPU;
  else if (!btfIsKernel(env, btf)) flags |= TypeFlag.MEM_ALLOC;
  const record = btfFindStructMeta(env, btf, btfId)?.record ?? null;
  return hasField(record, GRAPH_NODE_MASK) ? flags | TypeFlag.NON_OWN_REF : flags;
}

/** A pointer to memory that a user has lent (`mark_uptr_ld_reg`). */
function markUptrLdReg(env: Environment, reg: Register, { pointer }: BtfField): void {
  reg.markKnownZero();
  reg.type = RegType.PTR_TO_MEM | TypeFlag.PTR_MAYBE_NULL;
  reg.memSize = pointer!.btf.size(pointer!.btfId);
  reg.id = ++env.idGen;
}

/** A load from or a store to a field that holds a pointer; its place and size are checked (`check_map_kptr_access`). */
export function checkMapKptrAccess(
  env: Environment,
  valueRegno: number,
  insnIdx: number,
  field: BtfField,
): void {
  const row = env.rows[insnIdx]!;
  const isLoad = row.kind === "load";
  if ((!isLoad && row.kind !== "store") || row.extend !== 0) {
    env.refuse(Errno.EACCES, "kptr in map can only be accessed using BPF_MEM instruction mode");
  }
  if (isLoad) {
    const reg = env.reg(valueRegno);
    if (field.type === FieldType.UPTR) {
      markUptrLdReg(env, reg, field);
      return;
    }
    const { btf, btfId } = field.pointer!;
    markBtfLdReg(env, reg, RegType.PTR_TO_BTF_ID, btf, btfId, loadedFlags(env, field));
    return;
  }
  if (field.type === FieldType.KPTR_REF || field.type === FieldType.KPTR_PERCPU) {
    env.refuse(Errno.EACCES, "store to referenced kptr disallowed");
  }
  if (field.type === FieldType.UPTR) env.refuse(Errno.EACCES, "store to uptr disallowed");
  if (row.source === "imm") {
    if (env.insns[insnIdx]!.imm !== 0) {
      env.refuse(Errno.EACCES, `BPF_ST imm must be 0 when storing to kptr at off=${field.offset}`);
    }
    return;
  }
  const value = env.reg(valueRegno);
  if (!registerIsNull(value)) mapKptrMatchType(env, field, value, valueRegno);
}
