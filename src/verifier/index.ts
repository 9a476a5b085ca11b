export { type MapValueType, mapRecord } from "./btf-fields/map-record.ts";
export { parseStructMetas, type StructMetas } from "./btf-fields/struct-metas.ts";
export type { Environment } from "./environment/environment.ts";
export type { VerifierMap } from "./environment/map.ts";
export { type BtfField, type BtfRecord, FieldType } from "./environment/record.ts";
export { Rejection } from "./environment/rejection.ts";
export type {
  AttachTarget,
  Capabilities,
  FunctionRecord,
  LogSink,
  ProgramFile,
  ProgramFiles,
  ProgramRecords,
  SourceRecord,
  TargetKernel,
  TargetProgram,
  VerifyRequest,
} from "./environment/request.ts";
export { VerifierError, type VerifierErrorOptions } from "./error.ts";
export {
  type ExplainOptions,
  type Explanation,
  type ExplanationFix,
  type ExplanationStep,
  type ExplanationStyle,
  explainLog,
  explanationText,
  type LineRecord,
  type LogSource,
  type LogStep,
  located,
  type ParsedLog,
  type ProgramFacts,
  type ProgramLog,
  parseLog,
  parseLogs,
  type SarifSubject,
  sarifLog,
  UNKNOWN_CODE,
} from "./explain/index.ts";
export {
  FixupError,
  type FixupInput,
  type FixupMap,
  type FixupOptions,
  type FixupResult,
  type FixupTarget,
  fixup,
  mapFunctions,
  mapLines,
} from "./fixups/index.ts";
export { type Verification, verify } from "./verify.ts";
