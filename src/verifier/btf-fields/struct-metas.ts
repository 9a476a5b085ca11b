import { type Btf, BtfKind } from "../../btf/index.ts";
import { Errno } from "../../uapi/index.ts";
import type { StructMeta } from "../environment/insn-aux.ts";
import {
  type BtfRecord,
  FieldType,
  GRAPH_NODE_MASK,
  GRAPH_ROOT_MASK,
  hasField,
  KPTR_MASK,
} from "../environment/record.ts";
import { Rejection } from "../environment/rejection.ts";
import { fieldTypeName } from "./field-type.ts";
import { findKptr } from "./find-fields.ts";
import { type KernelTypes, parseFields } from "./parse-record.ts";

/** The structs of a BTF with special fields, by id: `struct btf_struct_metas`. */
export type StructMetas = ReadonlyMap<number, StructMeta>;

/** What makes a struct one with special fields. */
const SOUGHT = [
  FieldType.SPIN_LOCK,
  FieldType.LIST_HEAD,
  FieldType.LIST_NODE,
  FieldType.RB_ROOT,
  FieldType.RB_NODE,
  FieldType.REFCOUNT,
];
const FIELDS =
  FieldType.SPIN_LOCK |
  FieldType.RES_SPIN_LOCK |
  GRAPH_ROOT_MASK |
  GRAPH_NODE_MASK |
  FieldType.REFCOUNT |
  KPTR_MASK;
const PAGE_SIZE = 4096;

/**
 * The special fields of the structs that a program may allocate, as BPF_BTF_LOAD finds them (`btf_parse_struct_metas`,
 * and `btf_check_and_fixup_fields` for each).
 *
 * @throws Rejection with no words: such a BTF is refused
 */
export function parseStructMetas(btf: Btf, kernel: KernelTypes): StructMetas {
  const special = specialTypes(btf);
  const metas = new Map<number, StructMeta>();
  if (special.size === 0) return metas;
  for (let id = 1; id < btf.count; id++) {
    if (btf.kind(id) !== BtfKind.STRUCT || !hasMember(btf, id, special)) continue;
    const record = parseFields(btf, id, FIELDS, btf.size(id), kernel);
    if (record === null) throw new Rejection(Errno.EFAULT, "");
    metas.set(id, { btfId: id, record });
  }
  for (const { record } of metas.values()) checkAndFixupFields(record, metas);
  return metas;
}

/** Types that make the struct special that has a member of them. */
function specialTypes(btf: Btf): ReadonlySet<number> {
  const types = new Set<number>();
  for (const type of SOUGHT) {
    const id = btf.findByName(fieldTypeName(type), BtfKind.STRUCT);
    if (id !== 0) types.add(id);
  }
  for (let id = 1; id < btf.count; id++) if (isKptr(btf, id)) types.add(id);
  return types;
}

function isKptr(btf: Btf, id: number): boolean {
  try {
    return findKptr(btf, id, 0, KPTR_MASK) !== null;
  } catch (error) {
    // A pointer whose tag says nothing: if a struct has such a member, parsing that struct tells.
    if (error instanceof Rejection) return false;
    throw error;
  }
}

function hasMember(btf: Btf, struct: number, types: ReadonlySet<number>): boolean {
  for (let i = 0, vlen = btf.vlen(struct); i < vlen; i++) {
    if (types.has(btf.memberType(struct, i))) return true;
  }
  return false;
}

/**
 * Ties list heads and tree roots to the record of what they hold, and refuses what could own itself
 * (`btf_check_and_fixup_fields`).
 *
 * @throws Rejection with no words
 */
export function checkAndFixupFields(record: BtfRecord | null, metas: StructMetas): void {
  if (record === null || !hasField(record, GRAPH_ROOT_MASK | FieldType.UPTR)) return;
  for (const { type, pointer, root } of record.fields) {
    if (type === FieldType.UPTR) {
      const { kernel, btf, btfId } = pointer!;
      // A user's memory is pinned a page at a time.
      if (kernel || btf.size(btfId) === 0) throw new Rejection(Errno.EINVAL, "");
      if (btf.size(btfId) > PAGE_SIZE) throw new Rejection(Errno.E2BIG, "");
      continue;
    }
    if (root === null) continue;
    const meta = metas.get(root.valueBtfId);
    if (meta === undefined) throw new Rejection(Errno.EFAULT, "");
    root.valueRecord = meta.record;
    // A type that is in a list itself must not hold one whose elements hold lists again.
    if (hasField(record, GRAPH_NODE_MASK) && hasField(meta.record, GRAPH_ROOT_MASK)) {
      throw new Rejection(Errno.ELOOP, "");
    }
  }
}
