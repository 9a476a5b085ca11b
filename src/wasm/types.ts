/** Value types that modules here use: integers and references. */
export type ValueType = "i32" | "i64" | ReferenceType;

/** What a table holds. */
export type ReferenceType = "funcref" | "externref";

/** The binary form of each value type (specification 5.3.1 to 5.3.4). */
export const VALUE_TYPE_CODE = { i32: 0x7f, i64: 0x7e, funcref: 0x70, externref: 0x6f } as const;

/** The value type of a binary code; `undefined` where it is none we use. */
export function valueTypeOf(code: number): ValueType | undefined {
  switch (code) {
    case 0x7f:
      return "i32";
    case 0x7e:
      return "i64";
    case 0x70:
      return "funcref";
    case 0x6f:
      return "externref";
    default:
      return undefined;
  }
}

/** Parameters and results of a function or block. */
export interface Signature {
  readonly params?: readonly ValueType[];
  readonly results?: readonly ValueType[];
}

/** A signature that stands in a module's type section: two equal ones of a module are the same object. */
export interface FuncType {
  /** Index in the type section. */
  readonly index: number;
  readonly params: readonly ValueType[];
  readonly results: readonly ValueType[];
}

/** What a block takes and gives: nothing (`undefined`), one value, or any signature. */
export type BlockType = ValueType | FuncType | undefined;

/** Size of a memory (in pages of 64 KiB) or a table (in entries). */
export interface Limits {
  readonly min: number;
  readonly max?: number;
}

/** Size of a memory in pages of 64 KiB; a shared one needs `max`. */
export interface MemoryLimits extends Limits {
  readonly shared?: boolean;
}
