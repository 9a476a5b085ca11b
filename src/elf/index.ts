export {
  ElfBuilder,
  type ElfBuilderOptions,
  type RelocationInput,
  type SectionInput,
  type SymbolHandle,
  type SymbolInput,
} from "./builder.ts";
export {
  ElfMachine,
  ElfType,
  SectionFlag,
  SectionIndex,
  SectionType,
  SegmentFlag,
  SegmentType,
  SymbolBinding,
  SymbolType,
  SymbolVisibility,
} from "./constants.ts";
export { ElfFile, openElf } from "./file.ts";
export { isElf } from "./headers.ts";
export type {
  ElfHeader,
  ElfNote,
  ElfRelocation,
  ElfRelocations,
  ElfSection,
  ElfSegment,
  ElfSymbol,
  SymbolPlace,
} from "./model.ts";
export { readNotes } from "./notes.ts";
