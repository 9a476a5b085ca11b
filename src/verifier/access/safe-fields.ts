import { BtfKind, type BtfKind as BtfKindType } from "../../btf/index.ts";
import type { Register } from "../state/register.ts";
import { isPointer, skipModifiers } from "../types/walk.ts";

/** What a pointer in a field of a trusted object is, by the lists that the kernel's BTF holds. */
export const FieldTrust = {
  /** Valid while RCU protects it, never NULL. */
  RCU: "__safe_rcu",
  RCU_OR_NULL: "__safe_rcu_or_null",
  /** Valid as long as the object. */
  TRUSTED: "__safe_trusted",
  TRUSTED_OR_NULL: "__safe_trusted_or_null",
} as const;
export type FieldTrust = (typeof FieldTrust)[keyof typeof FieldTrust];

/** Bytes that the name of such a list may have, with its NUL. */
const NAME_SIZE = 64;

/**
 * Whether the kernel vouches for a field: it lists some fields of a struct `task_struct` in structs named
 * `task_struct__safe_rcu` and so on (`btf_nested_type_is_trusted`).
 *
 * @param btfId what the pointer in the field points to
 */
export function isSafeField(reg: Register, fieldName: string, btfId: number, trust: FieldTrust): boolean {
  const btf = reg.btf!;
  const name = `${btf.name(reg.btfId)}${trust}`;
  if (name.length >= NAME_SIZE) return false;
  const list = btf.findByName(name, btf.kind(reg.btfId) as BtfKindType);
  if (list === 0) return false;
  const kind = btf.kind(list);
  if (kind !== BtfKind.STRUCT && kind !== BtfKind.UNION) return false;
  for (let i = 0, vlen = btf.vlen(list); i < vlen; i++) {
    const type = btf.memberType(list, i);
    if (!isPointer(btf, type)) continue;
    if (skipModifiers(btf, btf.ref(type)) === btfId && btf.memberName(list, i) === fieldName) return true;
  }
  return false;
}
