export { type GlobalPlace, globalsOf, withContents, withGlobals } from "./contents.ts";
export { type Patched, POISON_HELPER, patchAt, patchInsn } from "./core-patch.ts";
export { relocateCore } from "./core-relocate.ts";
export { dataMapName } from "./data-maps.ts";
export { ObjectError, type ObjectPlace } from "./error.ts";
export { link } from "./linker/link.ts";
export type { LinkInput } from "./linker/source.ts";
export { minCoreBtf } from "./min-core-btf.ts";
export { type OpenOptions, objectName, open } from "./open.ts";
export { programKind } from "./program-kind.ts";
export type {
  CoreRelocation,
  ExternSpec,
  FuncInfo,
  LineInfo,
  MapSpec,
  ObjectSpec,
  ProgramKind,
  ProgramSpec,
  Reference,
  StructOpsSpec,
} from "./spec.ts";
export { writeObject } from "./writer/write.ts";
