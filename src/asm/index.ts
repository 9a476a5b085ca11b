export { type AsmDialect, type AssembleOptions, type Assembly, assemble } from "./assemble.ts";
export { type ClassicStyle, classicImage, parseClassic, printClassic } from "./classic/index.ts";
export { AsmCode } from "./cursor.ts";
export { type DisassembleOptions, disassemble } from "./disassemble.ts";
export { LabelNumbers } from "./label-numbers.ts";
export {
  type DisasmContext,
  type SourceContext,
  type SourceLine,
  sourceJson,
  sourceText,
  trimmedSource,
} from "./listing/context.ts";
export { disasm } from "./listing/disasm.ts";
export { type JsonValue, jsonText } from "./listing/json.ts";
export { type ObjdumpSection, type ObjdumpSymbol, objdumpSection, objdumpText } from "./listing/objdump.ts";
export { verifierLogText, verifierSourceLine } from "./listing/verifier-log.ts";
export {
  type XlatedContext,
  type XlatedJsonEntry,
  type XlatedOptions,
  xlatedDisasm,
  xlatedJson,
  xlatedText,
} from "./listing/xlated.ts";
export type { AssemblerNames } from "./statement.ts";
export { aluSymbol } from "./symbols.ts";
