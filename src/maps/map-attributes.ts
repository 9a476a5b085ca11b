import type { SpecialFields } from "./special-fields.ts";

/** What a map is created with: the fields of `bpf_map_create` that decide how it lies in memory. */
export interface MapAttributes {
  /** A value of `BpfMapType`. */
  readonly type: number;
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
  /** `BPF_F_*`. */
  readonly flags: number;
  /** For messages of refused accesses; empty unless told. */
  readonly name?: string;
  /** `map_extra`: of an arena its address in user space; 0 unless told. */
  readonly extra?: bigint;
  /** Special fields of its values; none unless told. */
  readonly record?: SpecialFields;
}
