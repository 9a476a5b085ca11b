export { type AsmDialect, type AssembleOptions, type Assembly, assemble } from "./assemble.ts";
export { AsmCode } from "./cursor.ts";
export { type DisassembleOptions, disassemble } from "./disassemble.ts";
export type { AssemblerNames } from "./statement.ts";
