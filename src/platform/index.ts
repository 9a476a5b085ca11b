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
export { SOCK_COMMON_VIEW, SOCKET_VIEW, TCP_SOCK_VIEW, XDP_SOCK_VIEW } from "./contexts/sock.ts";
export { defaultLayout } from "./default-layout.ts";
export { type Conversion, type Piece, parseFormat } from "./format-string.ts";
export {
  type ArgumentName,
  type ArgumentRule,
  type ArgumentType,
  argumentRules,
  type HelperArgument,
  type TypeFlag,
} from "./helpers/arguments.ts";
export type { Capabilities, KernelOption } from "./helpers/grant.ts";
export { INTERNAL_SYMBOLS, InternalHelper } from "./helpers/internal.ts";
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
export {
  CURRENT_CGROUP_LSM_HOOKS,
  D_PATH_FUNCTIONS,
  DISABLED_LSM_HOOKS,
  LOCKED_SOCKOPT_HOOKS,
  SLEEPABLE_LSM_HOOKS,
  SOCKOPT_ITERATORS,
  UNLOCKED_SOCKOPT_HOOKS,
  UNTRUSTED_LSM_HOOKS,
} from "./helpers/targets.ts";
export { type FieldPlace, KernelLayout } from "./kernel-layout.ts";
export {
  functionsOfMap,
  type InlineLookup,
  type MapFunctions,
  type MapOperationName,
} from "./map-functions.ts";
export {
  checkMapCreate,
  MAP_RULES,
  type MapCheck,
  type MapCreateAttributes,
  type MapRule,
} from "./map-rules.ts";
export { PROGRAM_TYPES, type ProgramType, programType, programTypeNamed } from "./program-types.ts";
export {
  type AutoAttach,
  SECTION_DEFINITIONS,
  type SectionDefinition,
} from "./section-definitions.ts";
export { matchSection, type SectionMatch } from "./sections.ts";
