import { type Btf, BtfKind } from "../../btf/index.ts";
import type { KernelRelease } from "../../platform/index.ts";
import { Errno } from "../../uapi/index.ts";
import {
  type BtfField,
  type BtfRecord,
  type FieldGraphRoot,
  type FieldPointer,
  FieldType,
  fieldOfType,
  GRAPH_ROOT_MASK,
  hasField,
  KPTR_MASK,
} from "../environment/record.ts";
import { Rejection } from "../environment/rejection.ts";
import { destructorOf } from "./destructors.ts";
import { fieldShape } from "./field-type.ts";
import { type FoundField, findFields } from "./find-fields.ts";
import { findByNameKind } from "./type-names.ts";

/** The kernel's own types, among which those of pointer fields are looked for: vmlinux first, then modules. */
export type KernelTypes = readonly Btf[];

const LOCK_MASK = FieldType.SPIN_LOCK | FieldType.RES_SPIN_LOCK;

/**
 * The special fields of a struct or of a data section (`btf_parse_fields`).
 *
 * @param mask kinds to look for, of {@link FieldType}
 * @param size bytes of a value
 * @returns null where there is none
 * @throws Rejection with no words
 */
export function parseFields(
  btf: Btf,
  type: number,
  mask: number,
  size: number,
  kernel: KernelTypes,
  release: KernelRelease = "6.18",
): BtfRecord | null {
  const found = findFields(btf, type, mask, release);
  if (found.length === 0) return null;
  const fields: BtfField[] = [];
  let end = 0;
  let present = 0;
  for (const field of found) {
    const bytes = fieldShape(field.type).size;
    if (field.off + bytes > size) throw new Rejection(Errno.EFAULT, "");
    if (field.off < end) throw new Rejection(Errno.EEXIST, "");
    end = field.off + bytes;
    present |= field.type;
    fields.push({
      offset: field.off,
      size: bytes,
      type: field.type,
      pointer: isPointer(field.type) ? parseKptr(btf, field, kernel) : null,
      root: (field.type & GRAPH_ROOT_MASK) !== 0 ? parseGraphRoot(btf, field) : null,
    });
  }
  fields.sort((a, b) => a.offset - b.offset);
  const record: BtfRecord = { fields, mask: present };
  checkTogether(record);
  return record;
}

function isPointer(type: number): boolean {
  return (type & (KPTR_MASK | FieldType.UPTR)) !== 0;
}

/** What must, or must not, stand in one struct. */
function checkTogether(record: BtfRecord): void {
  const twoLocks = (record.mask & LOCK_MASK) === LOCK_MASK;
  const unlockedRoot = hasField(record, GRAPH_ROOT_MASK) && !hasField(record, LOCK_MASK);
  const bothNodes =
    hasField(record, FieldType.LIST_NODE) &&
    hasField(record, FieldType.RB_NODE) &&
    fieldOfType(record, FieldType.REFCOUNT) === null;
  if (twoLocks || unlockedRoot || bothNodes) throw new Rejection(Errno.EINVAL, "");
}

/** `btf_parse_kptr`: a type that no kernel BTF has is the program's own. */
function parseKptr(btf: Btf, field: FoundField, kernel: KernelTypes): FieldPointer {
  if (kernel.length === 0) throw new Rejection(Errno.EINVAL, "");
  const name = btf.name(field.target);
  for (const types of kernel) {
    const btfId = findByNameKind(types, name, BtfKind.STRUCT);
    if (btfId === 0) continue;
    const hasDestructor = field.type === FieldType.KPTR_REF && destructorOf(types, btfId) !== null;
    // The list of destructors is also that of the structs that may be owned.
    if (field.type === FieldType.KPTR_REF && !hasDestructor) throw new Rejection(Errno.ENOENT, "");
    return { btf: types, btfId, kernel: true, hasDestructor };
  }
  return { btf, btfId: field.target, kernel: false, hasDestructor: false };
}

/** `btf_parse_graph_root` */
function parseGraphRoot(btf: Btf, field: FoundField): FieldGraphRoot {
  const node = fieldShape(field.type === FieldType.LIST_HEAD ? FieldType.LIST_NODE : FieldType.RB_NODE);
  const { target } = field;
  let offset = -1;
  for (let i = 0, vlen = btf.vlen(target); i < vlen; i++) {
    if (btf.memberName(target, i) !== field.nodeName) continue;
    const type = btf.memberType(target, i);
    const bits = btf.memberBitOffset(target, i);
    const fits =
      offset < 0 &&
      btf.kind(type) === BtfKind.STRUCT &&
      btf.name(type) === node.name &&
      bits % 8 === 0 &&
      (bits / 8) % node.align === 0;
    if (!fits) throw new Rejection(Errno.EINVAL, "");
    offset = bits / 8;
  }
  if (offset < 0) throw new Rejection(Errno.ENOENT, "");
  return { btf, valueBtfId: target, nodeOffset: offset, valueRecord: null };
}
