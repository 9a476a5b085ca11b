/** BTF types as plain objects, one shape for each kind: what `Btf.type` returns. */

export interface BtfMember {
  /** Empty for an anonymous struct or union. */
  readonly name: string;
  readonly type: number;
  /** From the start of the struct, in bits. */
  readonly bitOffset: number;
  /** In bits; 0 where the member is not a bit field. */
  readonly bitSize: number;
}

export interface BtfEnumerator {
  readonly name: string;
  /** A `bigint` in an ENUM64; sign as the enum says. */
  readonly value: number | bigint;
}

export interface BtfParam {
  readonly name: string;
  /** 0 in the last parameter: a variable argument list. */
  readonly type: number;
}

export interface BtfSectionVariable {
  /** Id of the VAR (or of a FUNC, for externs). */
  readonly type: number;
  /** In the section, in bytes. */
  readonly offset: number;
  readonly size: number;
}

export type BtfLinkage = "static" | "global" | "extern";

interface Named {
  readonly id: number;
  /** Empty for an anonymous type. */
  readonly name: string;
}

export interface BtfVoid extends Named {
  readonly kind: "VOID";
}

export interface BtfInt extends Named {
  readonly kind: "INT";
  /** In bytes. */
  readonly size: number;
  readonly bits: number;
  /** Of the lowest bit; not 0 only in the bit fields of old compilers. */
  readonly bitOffset: number;
  readonly signed: boolean;
  readonly char: boolean;
  readonly bool: boolean;
}

export interface BtfRef extends Named {
  readonly kind: "PTR" | "TYPEDEF" | "VOLATILE" | "CONST" | "RESTRICT";
  readonly type: number;
}

export interface BtfTypeTag extends Named {
  readonly kind: "TYPE_TAG";
  readonly type: number;
  /** The name is a whole attribute, not the value of a `btf_type_tag` (since Linux 6.15). */
  readonly attribute: boolean;
}

export interface BtfDeclTag extends Named {
  readonly kind: "DECL_TAG";
  readonly type: number;
  /** The member or parameter it is on, or -1 for the type itself. */
  readonly component: number;
  /** The name is a whole attribute, not the value of a `btf_decl_tag` (since Linux 6.15). */
  readonly attribute: boolean;
}

export interface BtfArray extends Named {
  readonly kind: "ARRAY";
  readonly type: number;
  readonly indexType: number;
  readonly count: number;
}

export interface BtfComposite extends Named {
  readonly kind: "STRUCT" | "UNION";
  /** In bytes. */
  readonly size: number;
  readonly members: readonly BtfMember[];
}

export interface BtfEnum extends Named {
  readonly kind: "ENUM" | "ENUM64";
  /** In bytes. */
  readonly size: number;
  readonly signed: boolean;
  readonly values: readonly BtfEnumerator[];
}

export interface BtfFwd extends Named {
  readonly kind: "FWD";
  readonly of: "struct" | "union";
}

export interface BtfFunc extends Named {
  readonly kind: "FUNC";
  /** Id of its FUNC_PROTO. */
  readonly type: number;
  readonly linkage: BtfLinkage;
}

export interface BtfFuncProto extends Named {
  readonly kind: "FUNC_PROTO";
  readonly returns: number;
  readonly params: readonly BtfParam[];
}

export interface BtfVar extends Named {
  readonly kind: "VAR";
  readonly type: number;
  readonly linkage: BtfLinkage;
}

export interface BtfDatasec extends Named {
  readonly kind: "DATASEC";
  /** In bytes; 0 in an object file before it is loaded. */
  readonly size: number;
  readonly variables: readonly BtfSectionVariable[];
}

export interface BtfFloat extends Named {
  readonly kind: "FLOAT";
  /** In bytes. */
  readonly size: number;
}

export type BtfType =
  | BtfVoid
  | BtfInt
  | BtfRef
  | BtfTypeTag
  | BtfDeclTag
  | BtfArray
  | BtfComposite
  | BtfEnum
  | BtfFwd
  | BtfFunc
  | BtfFuncProto
  | BtfVar
  | BtfDatasec
  | BtfFloat;
