import { Errno } from "../../uapi/index.ts";
import { regBtfRecord } from "../btf-fields/reg-btf-record.ts";
import type { Environment } from "../environment/environment.ts";
import { type BtfField, type FieldGraphRoot, FieldType, hasField } from "../environment/record.ts";
import { RegType, TypeFlag } from "../state/reg-type.ts";
import type { Register } from "../state/register.ts";

/** The register gets a pointer to a node of what a list or tree holds (`mark_reg_graph_node`). */
export function markRegGraphNode(reg: Register, root: FieldGraphRoot): void {
  reg.markKnownZero();
  reg.type = RegType.PTR_TO_BTF_ID | TypeFlag.MEM_ALLOC;
  reg.btf = root.btf;
  reg.btfId = root.valueBtfId;
  reg.off = root.nodeOffset;
}

/** The field of these kinds at an offset of what a register points to, or null (`reg_find_field_offset`). */
export function regFindFieldOffset(
  env: Environment,
  reg: Register,
  off: number,
  types: number,
): BtfField | null {
  const record = regBtfRecord(env, reg);
  return record?.fields.find((field) => field.offset === off && (field.type & types) !== 0) ?? null;
}

/** The list or tree owns the object now: the register's pointer holds while the lock does (`ref_set_non_owning`). */
export function refSetNonOwning(env: Environment, reg: Register): void {
  if (env.current.activeLocks === 0) {
    env.refuse(Errno.EFAULT, "verifier bug: ref_set_non_owning w/o active lock");
  }
  if ((reg.type & TypeFlag.NON_OWN_REF) !== 0) {
    env.refuse(Errno.EFAULT, "verifier bug: NON_OWN_REF already set");
  }
  reg.type |= TypeFlag.NON_OWN_REF;
  if (hasField(regBtfRecord(env, reg), FieldType.REFCOUNT)) reg.type |= TypeFlag.MEM_RCU;
}

/** All registers with this reference hold one that a list or tree owns (`ref_convert_owning_non_owning`). */
export function refConvertOwningNonOwning(env: Environment, refObjId: number): void {
  if (refObjId === 0) {
    env.refuse(Errno.EFAULT, "verifier bug: ref_obj_id is zero for owning -> non-owning conversion");
  }
  if (!env.current.refs.some((ref) => ref.id === refObjId)) {
    env.refuse(Errno.EFAULT, "verifier bug: ref state missing for ref_obj_id");
  }
  env.current.forEachRegister((reg) => {
    if (reg.refObjId !== refObjId) return;
    // Else giving the reference back would take the register with it.
    reg.refObjId = 0;
    refSetNonOwning(env, reg);
  });
}
