import { type Btf, SpecialField } from "../../btf/index.ts";

/** The verifier's name for it. */
export const FieldType = SpecialField;
export const KPTR_MASK: number = FieldType.KPTR_UNREF | FieldType.KPTR_REF | FieldType.KPTR_PERCPU;
export const GRAPH_ROOT_MASK: number = FieldType.LIST_HEAD | FieldType.RB_ROOT;
export const GRAPH_NODE_MASK: number = FieldType.LIST_NODE | FieldType.RB_NODE;

/** What a kptr or uptr field points to. */
export interface FieldPointer {
  readonly btf: Btf;
  readonly btfId: number;
  /** The type is the kernel's; else the program's own. */
  readonly kernel: boolean;
  /** A destructor is registered for the type. */
  readonly hasDestructor: boolean;
}

/** What a list head or tree root holds. */
export interface FieldGraphRoot {
  readonly btf: Btf;
  /** The struct that contains the nodes. */
  readonly valueBtfId: number;
  /** Of the node in that struct, in bytes. */
  readonly nodeOffset: number;
  /** The record of that struct, set once all are read. */
  valueRecord: BtfRecord | null;
}

/** `struct btf_field` */
export interface BtfField {
  /** In bytes from the start of the value. */
  readonly offset: number;
  readonly size: number;
  /** One of {@link FieldType}. */
  readonly type: number;
  readonly pointer: FieldPointer | null;
  readonly root: FieldGraphRoot | null;
}

/** Where the special fields of a type are: `struct btf_record`, its fields ordered by offset. */
export interface BtfRecord {
  readonly fields: readonly BtfField[];
  /** Union of the fields' types. */
  readonly mask: number;
}

/** The only field of this type, or null. */
export function fieldOfType(record: BtfRecord | null, type: number): BtfField | null {
  if (record === null || (record.mask & type) === 0) return null;
  return record.fields.find((field) => field.type === type) ?? null;
}

/** `btf_record_has_field`; `types` may be several. */
export function hasField(record: BtfRecord | null, types: number): boolean {
  return record !== null && (record.mask & types) !== 0;
}
