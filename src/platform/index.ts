export { checkFlatAccess, checkStructAccess } from "./contexts/access.ts";
export {
  type AllowedAccess,
  type Context,
  type ContextAccess,
  type ContextField,
  ContextMap,
  type FieldRewrite,
  type FieldWidth,
  type FieldYield,
  type FlatContext,
  type OpaqueContext,
  type PlacedField,
  type SequenceName,
  type StructContext,
} from "./contexts/context.ts";
export { ax, type RewriteOptions, type RewriteSite } from "./contexts/emission.ts";
export { rewriteAccess } from "./contexts/rewrite.ts";
export { defaultLayout } from "./default-layout.ts";
export {
  type ArgumentFlag,
  type ArgumentName,
  type ArgumentRule,
  type ArgumentType,
  argumentRules,
  type HelperArgument,
} from "./helpers/arguments.ts";
export { INTERNAL_SYMBOLS, InternalHelper } from "./helpers/internal.ts";
export {
  HELPER_PROTOTYPES,
  type HelperCallback,
  type HelperPrototype,
  helperSymbol,
  mayCall,
  type ReturnType,
} from "./helpers/prototypes.ts";
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
