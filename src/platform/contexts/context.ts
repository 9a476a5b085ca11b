import type { KernelLayout } from "../kernel-layout.ts";

/** What a load of a context field gives where it is no plain number: `enum bpf_reg_type`. */
export type FieldYield =
  /** `PTR_TO_PACKET` */
  | "packet"
  /** `PTR_TO_PACKET_META` */
  | "packetMeta"
  /** `PTR_TO_PACKET_END` */
  | "packetEnd"
  /** `PTR_TO_SOCK_COMMON_OR_NULL` */
  | "socketOrNull"
  /** `PTR_TO_FLOW_KEYS` */
  | "flowKeys";

/**
 * Which accesses a field admits, by size. All are aligned to their size.
 *
 * - `narrow`: reads of 1, 2 and 4 bytes, writes of 4.
 * - `word`: 4 bytes; `dword`: 8 bytes; `byte`: 1 byte, at the field's start.
 * - `any`: up to 8 bytes that end inside the field.
 */
export type FieldWidth = "narrow" | "word" | "dword" | "byte" | "any";

/**
 * What the kernel turns an access of a field into. Paths are of kernel structs; a path with `+` is a sum of offsets
 * (a control block inside `sk_buff.cb`).
 */
export type FieldRewrite =
  /** One access of `size` bytes to a member; `size` absent: as the program's own access, at the same distance. */
  | { readonly kind: "member"; readonly path: string; readonly size?: 1 | 2 | 4 | 8 }
  /** A member behind pointers. */
  | {
      readonly kind: "follow";
      readonly pointers: readonly string[];
      readonly path: string;
      readonly size: 2 | 4;
      /** Stops at a first pointer that is NULL, and gives 0. */
      readonly nullTest?: boolean;
      /** Shifted left afterwards. */
      readonly shift?: number;
      /** The field is an array; the distance into it is kept. */
      readonly indexed?: boolean;
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
  | "linearEnd";

/** A field of a context as programs see it. */
export interface ContextField {
  /** In the user's struct: `"remote_ip6"`. */
  readonly name: string;
  readonly width: FieldWidth;
  /** Absent: a number. Such loads must have the field's whole size and no sign extension. */
  readonly yields?: FieldYield;
  readonly rewrite: FieldRewrite;
}

/** How one program type sees a context struct: what its `is_valid_access` and `convert_ctx_access` say. */
export interface StructContext {
  readonly kind: "struct";
  /** The user's struct: `"__sk_buff"`. */
  readonly view: string;
  /** The kernel's: `"sk_buff"`. */
  readonly object: string;
  readonly fields: ReadonlyMap<string, ContextField>;
  /** Names of the fields that may be read. */
  readonly readable: ReadonlySet<string>;
  readonly writable: ReadonlySet<string>;
  /** Fields open only to some expected attach types: `egress_ifindex`. */
  readonly attachTypes?: ReadonlyMap<string, readonly number[]>;
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
}

/** A context whose rules need the verifier's types (BTF arguments, sockets …). */
export interface OpaqueContext {
  readonly kind: "opaque";
  readonly view: string;
  readonly object: string;
}

export type Context = StructContext | FlatContext | OpaqueContext;

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
}

/** What an allowed access means. */
export interface AllowedAccess {
  /** null in a flat context. */
  readonly field: ContextField | null;
  /** Linux's `ctx_field_size`: the size a narrower read is widened to; 0 where reads are as they are. */
  readonly fieldSize: 0 | 4;
  readonly yields: FieldYield | null;
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
      const placed = { field, offset: place.offset, size: place.size };
      for (let byte = 0; byte < place.size; byte++) this.#byByte[place.offset + byte] = placed;
    }
  }

  /** The field that holds a byte of the user's struct; undefined in padding and outside. */
  at(offset: number): PlacedField | undefined {
    return this.#byByte[offset];
  }
}
