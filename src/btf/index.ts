export { BtfBuilder, type BtfBuilderOptions, type BtfMapping } from "./builder.ts";
export { accessText } from "./core/access-text.ts";
export { typesAreCompatible } from "./core/compatible.ts";
export { CoreError } from "./core/error.ts";
export { CORE_RELO_NAMES, CoreReloKind } from "./core/kinds.ts";
export { essentialName } from "./core/names.ts";
export {
  type CoreMatch,
  CoreResolver,
  type CoreResult,
  type CoreTarget,
  type CoreTargets,
} from "./core/resolver.ts";
export type { CoreAccess } from "./core/spec.ts";
export { type DatasecSymbols, fixDatasecs } from "./datasec.ts";
export { enumeratorName, enumeratorValue } from "./decode.ts";
export { type Deduplicated, type DeduplicateOptions, deduplicate } from "./dedup/deduplicate.ts";
export type { ByteSink } from "./dump/byte-sink.ts";
export { type CDumpOptions, dumpC } from "./dump/c-source.ts";
export { dumpRawJson, type RawJsonOptions } from "./dump/raw-json.ts";
export { dumpRawText } from "./dump/raw-text.ts";
export {
  type BtfExt,
  type CoreRelo,
  type ExtSection,
  type FuncInfo,
  type LineInfo,
  mapBtfExt,
  parseBtfExt,
  writeBtfExt,
} from "./ext.ts";
export type { BtfHeader } from "./header.ts";
export type { BtfTypeInput } from "./input.ts";
export { JsonWriter } from "./json.ts";
export {
  BTF_HEADER_SIZE,
  BTF_MAGIC,
  BtfKind,
  IntEncoding,
  isComposite,
  isEnum,
  isModifier,
  KIND_NAMES,
} from "./kinds.ts";
export { type BtfField, findField, offsetOf, resolveType } from "./lookup.ts";
export { Btf, type BtfParseOptions } from "./model.ts";
export { SpecialField } from "./special-field.ts";
export type {
  BtfArray,
  BtfComposite,
  BtfDatasec,
  BtfDeclTag,
  BtfEnum,
  BtfEnumerator,
  BtfFloat,
  BtfFunc,
  BtfFuncProto,
  BtfFwd,
  BtfInt,
  BtfLinkage,
  BtfMember,
  BtfParam,
  BtfRef,
  BtfSectionVariable,
  BtfType,
  BtfTypeTag,
  BtfVar,
  BtfVoid,
} from "./types.ts";
export { type BtfValueInput, encodeValue } from "./value-encoder.ts";
export { writeValue } from "./value-text.ts";
export { type BtfValue, decodeValue } from "./values.ts";
export type { BtfTables, BtfView } from "./view.ts";
export { writeBtf } from "./write.ts";
