/**
 * What Linux's C code and BTF define about programs, as data:
 *
 * - `helpers/`: what each helper takes and gives, and which programs get which prototype (`prototypeOf`).
 * - `contexts/`: what each program type may access of its context (`check…Access`) and what accesses become
 *   (`rewriteAccess`); the same for sockets (`OBJECT_VIEWS`).
 * - `kfuncs/`: functions of the kernel by program type (`kfuncFlags`).
 * - `functions/`: what may be attached to, by name: hooks, iterators, fields that can be trusted.
 * - `map-*`: creation (`checkMapCreate`), helpers (`mapHelperVerdict`), traits for programs (`MAP_TRAITS`).
 * - `program-rights`, `return-range`, `struct-ops`: what program types may do, give back, implement.
 *
 * All is of Linux 6.18 and of 6.1, the second where a `KernelRelease` says so (`releases/`: what came when). Tests named
 * `*.oracle.ts` ask the running kernel.
 */

export { checkArgumentAccess, checkFlatAccess, checkStructAccess } from "./contexts/access.ts";
export {
  type AccessWidth,
  type AllowedAccess,
  type ArgumentsContext,
  type Context,
  type ContextAccess,
  type ContextField,
  ContextMap,
  type FieldAccess,
  type FieldRewrite,
  type FieldYield,
  type FlatContext,
  type OpaqueContext,
  type Permission,
  type PlacedField,
  type SequenceName,
  type StructContext,
} from "./contexts/context.ts";
export { ax, type RewriteOptions, type RewriteSite } from "./contexts/emission.ts";
export { rewriteAccess } from "./contexts/rewrite.ts";
export {
  OBJECT_VIEWS,
  SOCK_COMMON_VIEW,
  SOCKET_VIEW,
  TCP_SOCK_VIEW,
  XDP_SOCK_VIEW,
} from "./contexts/sock.ts";
export { defaultLayout } from "./default-layout.ts";
export { type Conversion, type Piece, parseFormat } from "./format-string.ts";
export {
  MODIFY_RETURN_FUNCTIONS,
  NON_SLEEPABLE_ERROR_INJECTION,
  NORETURN_FUNCTIONS,
  UNTRACEABLE_FUNCTIONS,
} from "./functions/attach-rules.ts";
export {
  BOOLEAN_LSM_HOOKS,
  D_PATH_FUNCTIONS,
  DISABLED_LSM_HOOKS,
  isSleepableHook,
  LOCKED_SOCKOPT_HOOKS,
  SLEEPABLE_LSM_HOOKS,
  SOCKOPT_ITERATORS,
  UNLOCKED_SOCKOPT_HOOKS,
  UNTRUSTED_LSM_HOOKS,
} from "./functions/hooks.ts";
export { ITERATOR_TARGETS, type IteratorArgument, type IteratorTarget } from "./functions/iterators.ts";
export { RAW_TRACEPOINT_NULL_ARGUMENTS } from "./functions/raw-tracepoints.ts";
export { RCU_PROTECTED_STRUCTS } from "./functions/rcu-structs.ts";
export { HELPER_SIGNATURES } from "./generated/helper-signatures.ts";
export { KFUNC_SIGNATURES } from "./generated/kfunc-signatures.ts";
export {
  type ArgumentName,
  type ArgumentRule,
  type ArgumentType,
  argumentRules,
  type HelperArgument,
  type TypeFlag,
} from "./helpers/arguments.ts";
export { type HelperCaller, helperCallers } from "./helpers/callers.ts";
export type { Capabilities, GrantCondition, KernelOption } from "./helpers/grant.ts";
export { INTERNAL_SYMBOLS, InternalHelper } from "./helpers/internal.ts";
export { HELPER_FAMILIES, HELPER_MEANINGS } from "./helpers/meanings/index.ts";
export type { HelperMeaning } from "./helpers/meanings/meaning.ts";
export type {
  AllowedRule,
  HelperCallback,
  HelperName,
  HelperPrototype,
  HelperReturn,
  ReturnType,
} from "./helpers/prototype.ts";
export {
  hasTrampoline,
  isAllowed,
  isRecursionGuarded,
  type Lockdown,
  MISSING_OPTIONS,
  type ProgramTraits,
  prototypeOf,
} from "./helpers/prototype-of.ts";
export {
  HELPER_PROTOTYPES,
  HELPER_VARIANTS,
  PROTOTYPES,
  type PrototypeName,
} from "./helpers/prototype-table.ts";
export { compareReleases, helperCount, helperSince } from "./helpers/since.ts";
export { type FieldPlace, KernelLayout } from "./kernel-layout.ts";
export { type KfuncFilter, KfuncFlag, type KfuncHook, type KfuncSet } from "./kfuncs/kfunc-set.ts";
export { DESTRUCTORS, DEVICE_BOUND_KFUNCS, isKfunc, KFUNC_SETS, kfuncFlags } from "./kfuncs/lookup.ts";
export { KFUNC_FAMILIES, KFUNC_MEANINGS } from "./kfuncs/meanings/index.ts";
export {
  functionsOfMap,
  type InlineLookup,
  type MapFunctions,
  type MapOperationName,
} from "./map-functions.ts";
export { type MapHelperVerdict, mapHelperVerdict } from "./map-helpers.ts";
export type { MapCheck, MapCreateAttributes, MapRule } from "./map-rule.ts";
export { MAP_RULES } from "./map-rule-table.ts";
export { checkMapAllocation, checkMapAttributes, checkMapCreate } from "./map-rules.ts";
export { type KeyType, MAP_TRAITS, type MapFieldKind, type MapTraits, mapTraits } from "./map-traits.ts";
export {
  canBeSleepable,
  isTracingType,
  needsBpf,
  needsNetAdmin,
  needsPerfmon,
  type PacketAccess,
  packetAccess,
} from "./program-rights.ts";
export { PROGRAM_TYPES, type ProgramType, programType, programTypeNamed } from "./program-types.ts";
export { KERNEL_RELEASES, type KernelRelease, kernelRelease } from "./releases/release.ts";
export {
  attachTypeSince,
  hasSince,
  instructionSince,
  knownFlags,
  mapFlagSince,
  mapTypeSince,
  programFlagSince,
  programTypeSince,
} from "./releases/since.ts";
export { type AttachedFunction, hookRange, type ReturnRange, returnRange } from "./return-range.ts";
export {
  type AutoAttach,
  SECTION_DEFINITIONS,
  type SectionDefinition,
} from "./section-definitions.ts";
export { matchSection, type SectionMatch } from "./sections.ts";
export {
  STRUCT_OPS_TYPES,
  type StructOpsType,
  structOpsMember,
  structOpsType,
  type WritableStruct,
  type WriteRules,
} from "./struct-ops.ts";
export { type RecordField, recordFields } from "./tracepoints/record-fields.ts";
export {
  formatFile,
  isKnownTracepoint,
  TRACE_ENTRY_SIZE,
  type TraceEvent,
  TraceEvents,
  tracepointArguments,
} from "./tracepoints/trace-events.ts";
