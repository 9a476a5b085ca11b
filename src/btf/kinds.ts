/** The kinds of BTF types: `BTF_KIND_*` of `<linux/btf.h>`. */
export const BtfKind = {
  VOID: 0,
  INT: 1,
  PTR: 2,
  ARRAY: 3,
  STRUCT: 4,
  UNION: 5,
  ENUM: 6,
  FWD: 7,
  TYPEDEF: 8,
  VOLATILE: 9,
  CONST: 10,
  RESTRICT: 11,
  FUNC: 12,
  FUNC_PROTO: 13,
  VAR: 14,
  DATASEC: 15,
  FLOAT: 16,
  DECL_TAG: 17,
  TYPE_TAG: 18,
  ENUM64: 19,
} as const;

export type BtfKind = (typeof BtfKind)[keyof typeof BtfKind];

/** Names by number, as tools print them; void prints as the kernel's `BTF_KIND_UNKN`. */
export const KIND_NAMES: readonly string[] = [
  "UNKNOWN",
  "INT",
  "PTR",
  "ARRAY",
  "STRUCT",
  "UNION",
  "ENUM",
  "FWD",
  "TYPEDEF",
  "VOLATILE",
  "CONST",
  "RESTRICT",
  "FUNC",
  "FUNC_PROTO",
  "VAR",
  "DATASEC",
  "FLOAT",
  "DECL_TAG",
  "TYPE_TAG",
  "ENUM64",
];

export const KIND_MAX = 19;

/** `BTF_INT_*`: the bits of an integer's encoding. */
export const IntEncoding = { SIGNED: 1, CHAR: 2, BOOL: 4 } as const;

/** `BTF_FUNC_*` (in the `vlen` of a FUNC) and `BTF_VAR_*` (in a VAR), by number. */
export const FUNC_LINKAGES = ["static", "global", "extern"] as const;
export const VAR_LINKAGES = ["static", "global", "extern"] as const;

/** The magic number of a BTF section, read in its own byte order. */
export const BTF_MAGIC = 0xeb9f;

/** Bytes of `struct btf_header`, the least that `hdr_len` may say. */
export const BTF_HEADER_SIZE = 24;

/** How many modifiers, typedefs and arrays a chain may have: `MAX_RESOLVE_DEPTH` of libbpf. */
export const MAX_RESOLVE_DEPTH = 32;

/**
 * Words of 32 bits that follow the three of `struct btf_type`, by kind: those every type has, and those for each of
 * the `vlen` elements.
 */
export const EXTRA_WORDS: readonly number[] = [0, 1, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 1, 0, 0];
export const ELEMENT_WORDS: readonly number[] = [0, 0, 0, 0, 3, 3, 2, 0, 0, 0, 0, 0, 0, 2, 0, 3, 0, 0, 0, 3];

/** True for VOLATILE, CONST, RESTRICT and TYPE_TAG: what libbpf calls a modifier. */
export function isModifier(kind: number): boolean {
  return (kind >= BtfKind.VOLATILE && kind <= BtfKind.RESTRICT) || kind === BtfKind.TYPE_TAG;
}

/** True for STRUCT and UNION. */
export function isComposite(kind: number): boolean {
  return kind === BtfKind.STRUCT || kind === BtfKind.UNION;
}

/** True for ENUM and ENUM64. */
export function isEnum(kind: number): boolean {
  return kind === BtfKind.ENUM || kind === BtfKind.ENUM64;
}

/**
 * By kind, the word of a type that is the id of what it stands for: 3 for ARRAY, 2 for PTR, TYPEDEF, DECL_TAG and
 * modifiers; 0 for types with a content of their own.
 */
export const REFERENCE_WORD = Uint8Array.of(0, 0, 2, 3, 0, 0, 0, 0, 2, 2, 2, 2, 0, 0, 0, 0, 0, 2, 2, 0);
