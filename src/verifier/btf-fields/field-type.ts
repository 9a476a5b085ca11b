import { FieldType } from "../environment/record.ts";

/** What a kind of special field looks like. Names, sizes and alignments are those of include/uapi/linux/bpf.h. */
export interface FieldShape {
  /** Name of its struct; of pointers, what messages call them (`btf_field_type_name`). */
  readonly name: string;
  /** In bytes (`btf_field_type_size`). */
  readonly size: number;
  /** In bytes (`btf_field_type_align`). */
  readonly align: number;
}

const POINTER: FieldShape = { name: "kptr", size: 8, align: 8 };

const SHAPES: ReadonlyMap<number, FieldShape> = new Map([
  [FieldType.SPIN_LOCK, { name: "bpf_spin_lock", size: 4, align: 4 }],
  [FieldType.RES_SPIN_LOCK, { name: "bpf_res_spin_lock", size: 4, align: 4 }],
  [FieldType.TIMER, { name: "bpf_timer", size: 16, align: 8 }],
  [FieldType.WORKQUEUE, { name: "bpf_wq", size: 16, align: 8 }],
  [FieldType.TASK_WORK, { name: "bpf_task_work", size: 8, align: 8 }],
  [FieldType.LIST_HEAD, { name: "bpf_list_head", size: 16, align: 8 }],
  [FieldType.LIST_NODE, { name: "bpf_list_node", size: 24, align: 8 }],
  [FieldType.RB_ROOT, { name: "bpf_rb_root", size: 16, align: 8 }],
  [FieldType.RB_NODE, { name: "bpf_rb_node", size: 32, align: 8 }],
  [FieldType.REFCOUNT, { name: "bpf_refcount", size: 4, align: 4 }],
  [FieldType.KPTR_UNREF, POINTER],
  [FieldType.KPTR_REF, POINTER],
  [FieldType.KPTR_PERCPU, { ...POINTER, name: "percpu_kptr" }],
  [FieldType.UPTR, { ...POINTER, name: "uptr" }],
]);

/** `type` is one of {@link FieldType}. */
export function fieldShape(type: number): FieldShape {
  return SHAPES.get(type)!;
}

/** `btf_field_type_name` */
export function fieldTypeName(type: number): string {
  return fieldShape(type).name;
}

/** Kinds that are told by the name of their struct, in the kernel's order, and whether a struct may have only one. */
export const NAMED_FIELDS: readonly { readonly type: number; readonly unique: boolean }[] = [
  { type: FieldType.SPIN_LOCK, unique: true },
  { type: FieldType.RES_SPIN_LOCK, unique: true },
  { type: FieldType.TIMER, unique: true },
  { type: FieldType.WORKQUEUE, unique: true },
  { type: FieldType.TASK_WORK, unique: true },
  { type: FieldType.LIST_HEAD, unique: false },
  { type: FieldType.LIST_NODE, unique: false },
  { type: FieldType.RB_ROOT, unique: false },
  { type: FieldType.RB_NODE, unique: false },
  { type: FieldType.REFCOUNT, unique: false },
];
