import { offsetOf } from "../btf/index.ts";
import { Pointee, type SpecialFields } from "../maps/index.ts";
import type { BtfRecord, StructMetas } from "../verifier/index.ts";

type Field = SpecialFields["fields"][number];

/**
 * The special fields of a struct as the kernel keeps them for helpers: what lists, trees and pointers to the program's
 * own objects lead to is known to them too.
 *
 * @param metas the structs of the BTF that the record is of.
 */
export function specialFields(record: BtfRecord, metas: StructMetas): SpecialFields {
  return convert(record, metas, new Map());
}

function convert(record: BtfRecord, metas: StructMetas, known: Map<BtfRecord, SpecialFields>): SpecialFields {
  const before = known.get(record);
  if (before !== undefined) return before;
  const fields: Field[] = [];
  const result: SpecialFields = { fields, mask: record.mask };
  // Pointers can lead back to the same struct.
  known.set(record, result);
  for (const { offset, size, type, root, pointer } of record.fields) {
    const inner = (other: BtfRecord | null) => (other === null ? null : convert(other, metas, known));
    if (root !== null) {
      const holds = { nodeOffset: root.nodeOffset, valueRecord: inner(root.valueRecord) };
      fields.push({ offset, size, type, root: holds });
    } else if (pointer !== null && !pointer.kernel) {
      const pointee = metas.get(pointer.btfId)?.record ?? null;
      fields.push({ offset, size, type, root: { nodeOffset: 0, valueRecord: inner(pointee) } });
    } else if (pointer !== null) {
      const struct = pointer.btf.name(pointer.btfId);
      const nodeOffset = struct === "bpf_cpumask" ? offsetOf(pointer.btf, `${struct}.usage`) : 0;
      const pointee = POINTEES.get(struct) ?? Pointee.OTHER;
      fields.push({ offset, size, type, root: { nodeOffset, valueRecord: null }, pointee });
    } else fields.push({ offset, size, type, root: null });
  }
  return result;
}

/** The kernel's structs that a pointer may own, as far as there are any here. */
const POINTEES: ReadonlyMap<string, Pointee> = new Map([
  ["task_struct", Pointee.TASK],
  ["cgroup", Pointee.CGROUP],
  ["bpf_cpumask", Pointee.CPUMASK],
]);
