import { type InsnRow, Operation, type OperationName } from "../isa/index.ts";

/** Assignment operators of ALU instructions in pseudo-C, by operation; both the parser and the printers use it. */
export const ALU_SYMBOLS = {
  add: "+=",
  sub: "-=",
  mul: "*=",
  div: "/=",
  sdiv: "s/=",
  mod: "%=",
  smod: "s%=",
  or: "|=",
  and: "&=",
  xor: "^=",
  lsh: "<<=",
  rsh: ">>=",
  arsh: "s>>=",
  mov: "=",
  movsx: "=",
} as const;

export const CONDITION_SYMBOLS = {
  jeq: "==",
  jne: "!=",
  jgt: ">",
  jge: ">=",
  jlt: "<",
  jle: "<=",
  jsgt: "s>",
  jsge: "s>=",
  jslt: "s<",
  jsle: "s<=",
  jset: "&",
} as const;

/** The word for an atomic operation inside `atomic_fetch_…`, and the operator of its `lock` form. */
export const ATOMIC_WORDS = { atomicAdd: "add", atomicOr: "or", atomicAnd: "and", atomicXor: "xor" } as const;

const NAMES: readonly OperationName[] = Object.keys(Operation) as OperationName[];

/** The name of a row's operation in the table: `"jsgt"`. */
export function operationName(row: InsnRow): OperationName {
  return NAMES[row.operation]!;
}

export function aluSymbol(row: InsnRow): string {
  return (ALU_SYMBOLS as Readonly<Record<string, string>>)[operationName(row)] ?? "?=";
}

export function conditionSymbol(row: InsnRow): string {
  return (CONDITION_SYMBOLS as Readonly<Record<string, string>>)[operationName(row)] ?? "?";
}

/** `"add"` of an atomic add; `undefined` of the exchanges. */
export function atomicWord(row: InsnRow): "add" | "or" | "and" | "xor" | undefined {
  return (ATOMIC_WORDS as Readonly<Record<string, "add" | "or" | "and" | "xor">>)[operationName(row)];
}

/** The C type of what a row accesses: `u32`, or `s32` where it sign-extends. */
export function accessType(row: InsnRow): string {
  return `${row.extend === 0 ? "u" : "s"}${row.width}`;
}

/** An address with its type as LLVM writes it: `(u32 *)(r1 + 8)`. */
export function llvmAddress(row: InsnRow, base: number, off: number): string {
  return `(${accessType(row)} *)(${llvmPlace(base, off)})`;
}

/** `r1 + 8` */
export function llvmPlace(base: number, off: number): string {
  return `r${base} ${off < 0 ? "-" : "+"} ${Math.abs(off)}`;
}

export function inverse(symbols: Readonly<Record<string, string>>): ReadonlyMap<string, string> {
  return new Map(Object.entries(symbols).map(([name, symbol]) => [symbol, name]));
}
