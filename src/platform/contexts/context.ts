import type { TypeFlag } from "../helpers/arguments.ts";
import type { KernelLayout } from "../kernel-layout.ts";

/** What a load of a context field gives where it is no plain number: a register type with flags. */
export interface FieldYield {
  /** `enum bpf_reg_type` without flags. */
  readonly type:
    | "PTR_TO_PACKET"
    | "PTR_TO_PACKET_META"
    | "PTR_TO_PACKET_END"
    | "PTR_TO_FLOW_KEYS"
    | "PTR_TO_SOCKET"
    | "PTR_TO_SOCK_COMMON"
    | "PTR_TO_TP_BUFFER"
    | "PTR_TO_BTF_ID";
  readonly flags: readonly TypeFlag[];
  /** The kernel's struct behind `PTR_TO_BTF_ID`; else null. */
  readonly btf: string | null;
}

/** Which accesses a field admits, by size. All are aligned to their size. */
export interface FieldAccess {
  /**
   * Sizes of reads, each with Linux's `ctx_field_size`: the size that narrower reads are widened to, or 0 where a read
   * is as it is.
   */
  readonly reads: { readonly [size: number]: 0 | 2 | 4 | 8 };
  /** Sizes of writes. */
  readonly writes: readonly number[];
  /** Only at the field's first byte; else anywhere in it. */
  readonly start?: boolean;
  /** The whole access must lie in the field. */
  readonly within?: boolean;
}

/** Bytes of one access to a kernel struct: a number, the member's own size, or the size of the program's access. */
export type AccessWidth = 1 | 2 | 4 | 8 | "member" | "own";

/**
 * What the kernel turns an access of a field into. Paths are of kernel structs; a path with `+` is a sum of offsets
 * (a control block inside `sk_buff.cb`).
 */
export type FieldRewrite =
  /** Nothing: programs see the kernel's own memory. */
  | { readonly kind: "none" }
  /** One access to a member; with `own` at the same distance. */
  | { readonly kind: "member"; readonly path: string; readonly size: AccessWidth }
  /** A member behind pointers. */
  | {
      readonly kind: "follow";
      readonly pointers: readonly string[];
      /** Empty: the start of what the last pointer points at. */
      readonly path: string;
      readonly size: AccessWidth;
      /** Stops at a first pointer that is NULL, and gives 0. */
      readonly nullTest?: boolean;
      /** Shifted left afterwards. */
      readonly shift?: number;
      /** The field is an array; the distance into it is kept. */
      readonly indexed?: boolean;
      /** Where a store keeps the register that it borrows. */
      readonly temporary?: string;
    }
  /** A member behind a pointer that may only be followed where a byte of the context is set; 0 otherwise. */
  | {
      readonly kind: "guarded";
      readonly guard: string;
      readonly pointer: string;
      /** null: the pointer itself. */
      readonly path: string | null;
      readonly temporary: string;
    }
  /** A bit field in the low bits of its byte. */
  | { readonly kind: "bits"; readonly path: string }
  /** A member of `struct skb_shared_info`, which lies at the end of the packet's buffer. */
  | { readonly kind: "sharedInfo"; readonly path: string; readonly size: 2 | 8 }
  /** A sequence of its own. */
  | { readonly kind: "sequence"; readonly name: SequenceName };

export type SequenceName =
  | "queueMapping"
  | "vlanPresent"
  | "napiId"
  | "timestamp"
  | "timestampType"
  | "linearEnd"
  | "receiveQueue"
  | "segmentTimestamp"
  | "zero16";

/** A field of a context as programs see it. */
export interface ContextField {
  /** In the user's struct: `"remote_ip6"`. */
  readonly name: string;
  /** Set for the padding after a field: it has no name of its own. In bytes. */
  readonly padding?: number;
  readonly access: FieldAccess;
  /** Absent: a number. Such loads must have the field's whole size and no sign extension. */
  readonly yields?: FieldYield;
  readonly rewrite: FieldRewrite;
}

/** Under which condition a field is open. */
export interface Permission {
  /** Only with one of these expected attach types. */
  readonly attachTypes?: readonly number[];
  readonly capability?: "bpf";
}

/** How one program type sees a context struct: what its `is_valid_access` and `convert_ctx_access` say. */
export interface StructContext {
  readonly kind: "struct";
  /** The user's struct: `"__sk_buff"`. */
  readonly view: string;
  /** The kernel's: `"sk_buff"`. */
  readonly object: string;
  readonly fields: ReadonlyMap<string, ContextField>;
  /** Fields that may be read, by name. */
  readonly readable: ReadonlyMap<string, Permission>;
  readonly writable: ReadonlyMap<string, Permission>;
  /**
   * Where Linux lets an access pass that it then cannot rewrite: bytes of no field, or behind the start of one that is
   * open only there.
   */
  readonly gaps?: FieldAccess;
}

/** A context that is plain memory: no rewrite, accesses only checked for bounds and alignment. */
export interface FlatContext {
  readonly kind: "flat";
  readonly view: string;
  readonly object: string;
  /** First and past-the-last byte that may be accessed: a number, or the size of a kernel struct. */
  readonly start: number;
  readonly end: number | { readonly sizeOf: string };
  /** Whether the access must end before `end`, or only begin there, as some of Linux's checks have it. */
  readonly whole: boolean;
  readonly write: boolean;
  /** Negative offsets pass, where Linux compares the start as an unsigned number (`tp_prog_is_valid_access`). */
  readonly negative: boolean;
  /** Sizes of accesses, where not all will do. */
  readonly sizes?: readonly number[];
  /** What a load of the first word gives; it then has to be one of 8 bytes (`raw_tp_writable_prog_is_valid_access`). */
  readonly first?: FieldYield;
}

/** Arguments of a function of the kernel, in words, whose types BTF tells (`bpf_tracing_btf_ctx_access`). */
export interface ArgumentsContext {
  readonly kind: "arguments";
  readonly view: string;
  readonly object: string;
}

/** A context whose rules are another program's (BPF_PROG_TYPE_EXT). */
export interface OpaqueContext {
  readonly kind: "opaque";
  readonly view: string;
  readonly object: string;
}

export type Context = StructContext | FlatContext | ArgumentsContext | OpaqueContext;

/** An access that a program makes through its context pointer. */
export interface ContextAccess {
  /** From the start of the user's struct, in bytes. */
  readonly offset: number;
  /** In bytes: 1, 2, 4 or 8. */
  readonly size: number;
  readonly write: boolean;
  /** A sign-extending load. */
  readonly signed: boolean;
  /** A value of `BpfAttachType`. */
  readonly expectedAttachType: number;
  /** The loader has CAP_BPF; so where it is absent. */
  readonly bpfCapable?: boolean;
}

/** What an allowed access means. */
export interface AllowedAccess {
  /** null in a context without fields, and in a gap. */
  readonly field: ContextField | null;
  /** Linux's `ctx_field_size`: the size a narrower read is widened to; 0 where reads are as they are. */
  readonly fieldSize: 0 | 2 | 4 | 8;
  readonly yields: FieldYield | null;
  /** Linux accepts it, and fails to rewrite it later: "error during ctx access conversion (0)", EFAULT. */
  readonly gap?: boolean;
  /** What BTF says of the argument decides (`btf_ctx_access`). */
  readonly byArgument?: boolean;
}

/** A field with its place in the user's struct. */
export interface PlacedField {
  readonly field: ContextField;
  readonly offset: number;
  readonly size: number;
}

/** The fields of a context in one kernel, found by byte. Keep one as long as the layout. */
export class ContextMap {
  readonly context: StructContext;
  readonly size: number;
  readonly #byByte: (PlacedField | undefined)[] = [];

  constructor(context: StructContext, layout: KernelLayout) {
    this.context = context;
    this.size = layout.sizeOf(context.view);
    for (const field of context.fields.values()) {
      const place = layout.find(`${context.view}.${field.name}`);
      // A field that this kernel does not have yet.
      if (place === null) continue;
      const { padding } = field;
      const offset = padding === undefined ? place.offset : place.offset + place.size;
      const placed = { field, offset, size: padding ?? place.size };
      for (let byte = 0; byte < placed.size; byte++) this.#byByte[offset + byte] = placed;
    }
  }

  /** The field that holds a byte of the user's struct; undefined in padding and outside. */
  at(offset: number): PlacedField | undefined {
    return this.#byByte[offset];
  }
}
