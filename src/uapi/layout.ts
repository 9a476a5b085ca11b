/** How the bytes of a field are read: little-endian integers, addresses, NUL-padded text, bytes. */
export type LayoutKind =
  | "u8"
  | "u16"
  | "u32"
  | "u64"
  | "s8"
  | "s16"
  | "s32"
  | "s64"
  | "ptr"
  | "chars"
  | "bytes";

/** One field of a C struct. Members of inner structs and unions stand in their outer struct, with a path. */
export interface LayoutField {
  /** As in the headers, inner names after a dot: `"map_type"`, `"kprobe_multi.flags"`. */
  readonly name: string;
  /** `"mapType"`, `"kprobeMultiFlags"`. */
  readonly camel: string;
  /** The named inner struct it belongs to (`"kprobe_multi"`); empty where there is none. */
  readonly arm: string;
  /** From the start of the whole, in bytes. Fields that overlap are alternatives of a union. */
  readonly offset: number;
  /** In bytes, of all elements together. */
  readonly size: number;
  /** Of one element. `ptr`: 64 bits that hold an address. */
  readonly kind: LayoutKind;
  /** How many elements an array has. */
  readonly count?: number;
  /** Where a bit field is in its integer. */
  readonly bits?: { readonly bitOffset: number; readonly bitSize: number };
}

export interface Layout {
  /** In bytes. */
  readonly size: number;
  /** In the order of the headers. */
  readonly fields: readonly LayoutField[];
}

/** A command's member of `union bpf_attr`. */
export interface AttrLayout extends Layout {
  /**
   * In bytes, up to the end of the last field that the command knows: any byte behind it that is not 0 makes the
   * call fail with EINVAL (`CHECK_ATTR` in the kernel).
   */
  readonly size: number;
  /** The name of the union's member (`"link_create"`), by which strace shows it; empty for the nameless ones. */
  readonly member: string;
}
