import { SpecialField } from "../btf/index.ts";
import type { KernelMemory } from "../mem/index.ts";

/** Those that own something, which ends with the value (`bpf_obj_free_fields`). */
const OWNING =
  SpecialField.TIMER |
  SpecialField.WORKQUEUE |
  SpecialField.KPTR_UNREF |
  SpecialField.KPTR_REF |
  SpecialField.KPTR_PERCPU |
  SpecialField.LIST_HEAD |
  SpecialField.RB_ROOT |
  SpecialField.UPTR |
  SpecialField.TASK_WORK;

/** Objects of the kernel that pointers in values may own, by what ends such a pointer (`btf_field_kptr.dtor`). */
export const Pointee = {
  /** An object of the program's own. */
  OWN: 0,
  TASK: 1,
  CGROUP: 2,
  /** `nodeOffset` is that of its count. */
  CPUMASK: 3,
  /** Of a kind that no function gives out. */
  OTHER: 4,
} as const;
export type Pointee = (typeof Pointee)[keyof typeof Pointee];

/** Where the special fields of a struct are: `struct btf_record`, its fields in ascending order. */
export interface SpecialFields {
  readonly fields: readonly {
    /** In bytes from the start of the value. */
    readonly offset: number;
    readonly size: number;
    /** One of {@link SpecialField}. */
    readonly type: number;
    /**
     * Of a list or tree: where its nodes are in the structs that it holds, and what those have of special fields. Of a
     * pointer: what the struct has that it leads to.
     */
    readonly root: { readonly nodeOffset: number; readonly valueRecord: SpecialFields | null } | null;
    /** Of a pointer to an object of the kernel: which kind. */
    readonly pointee?: Pointee;
  }[];
  /** Union of the fields' types. */
  readonly mask: number;
}

/** Whether something ends where such a value ends. */
export function ownsSomething({ mask }: SpecialFields): boolean {
  return (mask & OWNING) !== 0;
}

/** Offset of the only field of a type; -1 where there is none. */
export function fieldOffset(record: SpecialFields | null, type: number): number {
  return record?.fields.find((field) => field.type === type)?.offset ?? -1;
}

/**
 * A record in the one memory, where helpers find it by a map's header or get its address from the program.
 *
 * ```text
 *   0        4             8
 *  +--------+-------------+-----------------------------------------------------------------------------------------+
 *  | fields | refcount at | for each: type, offset, size, offset of the node, record of the value, what is pointed to |
 *  +--------+-------------+-----------------------------------------------------------------------------------------+
 * ```
 *
 * `refcount at` is -1 where there is none; node and record of the value are 0 where there are none.
 */
export const RecordField = {
  COUNT: 0,
  REFCOUNT: 4,
  FIELDS: 8,
  STRIDE: 24,
  TYPE: 0,
  OFFSET: 4,
  SIZE: 8,
  NODE_OFFSET: 12,
  VALUE_RECORD: 16,
  POINTEE: 20,
} as const;

/** Records in the one memory, each once. */
export class RecordBlocks {
  readonly #memory: KernelMemory;
  readonly #offsets = new Map<SpecialFields, number>();

  constructor(memory: KernelMemory) {
    this.#memory = memory;
  }

  /** The offset of a record, with those of the structs that its lists and trees hold; 0 where memory is exhausted. */
  offsetOf(record: SpecialFields): number {
    const known = this.#offsets.get(record);
    if (known !== undefined) return known;
    const { fields } = record;
    const at = this.#memory.alloc(RecordField.FIELDS + fields.length * RecordField.STRIDE);
    if (at === 0) return 0;
    this.#offsets.set(record, at);
    this.#set(at + RecordField.COUNT, fields.length);
    this.#set(at + RecordField.REFCOUNT, fieldOffset(record, SpecialField.REFCOUNT));
    for (const [i, { type, offset, size, root, pointee = Pointee.OWN }] of fields.entries()) {
      const place = at + RecordField.FIELDS + i * RecordField.STRIDE;
      const { nodeOffset = 0, valueRecord = null } = root ?? {};
      const inner = valueRecord === null ? 0 : this.offsetOf(valueRecord);
      if (valueRecord !== null && inner === 0) return 0;
      this.#set(place + RecordField.TYPE, type);
      this.#set(place + RecordField.OFFSET, offset);
      this.#set(place + RecordField.SIZE, size);
      this.#set(place + RecordField.NODE_OFFSET, nodeOffset);
      this.#set(place + RecordField.VALUE_RECORD, inner);
      this.#set(place + RecordField.POINTEE, pointee);
    }
    return at;
  }

  /** Gives all of them back, after a quiescent point. */
  close(): void {
    for (const block of this.#offsets.values()) this.#memory.retire(block);
    this.#offsets.clear();
  }

  #set(at: number, value: number): void {
    this.#memory.view().setInt32(at, value, true);
  }
}
