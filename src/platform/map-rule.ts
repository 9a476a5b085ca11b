/** The attributes of BPF_MAP_CREATE that a map type judges. */
export interface MapCreateAttributes {
  /** A value of `BpfMapType`. */
  readonly type: number;
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
  /** `BPF_F_*` */
  readonly flags: number;
  readonly mapExtra?: bigint;
  /** BTF describes key and value. */
  readonly typed?: boolean;
  /** The type of a struct of the kernel is given (`btf_vmlinux_value_type_id`). */
  readonly kernelTyped?: boolean;
}

/** One reason for which a map is refused. The first that applies decides the error. */
export type MapCheck =
  /** Flags that the type does not know. */
  | { readonly kind: "flagsOutside"; readonly mask: number }
  /** Flags of which none may be there. */
  | { readonly kind: "flagsNone"; readonly mask: number; readonly errno?: number }
  /** Flags that must not be there together. */
  | { readonly kind: "flagsTogether"; readonly mask: number }
  /** A flag that must be there. */
  | { readonly kind: "flagsAll"; readonly mask: number }
  /** Not both read-only and write-only for programs (`bpf_map_flags_access_ok`). */
  | { readonly kind: "flagsAccess" }
  | {
      readonly kind: "range";
      readonly field: "keySize" | "valueSize" | "maxEntries";
      readonly min?: number;
      readonly max?: number;
      readonly multipleOf?: number;
      readonly powerOfTwo?: boolean;
      readonly errno?: number;
    }
  /** Header, key and value of an element together, in bytes: fewer than `below`. */
  | { readonly kind: "element"; readonly header: string; readonly below: number; readonly errno: number }
  /** One of a few sizes. */
  | {
      readonly kind: "oneOf";
      readonly field: "keySize" | "valueSize";
      readonly values: readonly number[];
    }
  /** A multiple of one size, and at most so many; of another size where a flag is set. */
  | {
      readonly kind: "records";
      readonly size: number;
      readonly flag: number;
      readonly sizeWithFlag: number;
      readonly max: number;
    }
  /** A value that fits with a header into a length of 16 bits. */
  | { readonly kind: "localStorage"; readonly header: string }
  /** No more entries than the kernel has CPUs for. */
  | { readonly kind: "cpus" }
  /** `map_extra`, for the types that have one. */
  | { readonly kind: "extra"; readonly max: bigint }
  /** Types of key and value, which this type of map cannot do without. */
  | { readonly kind: "typed" | "kernelTyped" }
  /** Pages of an arena, and where user space has them. */
  | { readonly kind: "arena" };

/** What a map type accepts. */
export interface MapRule {
  /** Its `map_alloc_check`: before anyone asks who makes the map. */
  readonly checks: readonly MapCheck[];
  /** The first lines of its `map_alloc`: after its maker's rights. */
  readonly allocation?: readonly MapCheck[];
  /** `map_extra` means something. */
  readonly extra?: boolean;
  /** Holds maps, and needs an inner map to be created with. */
  readonly inner?: boolean;
}
