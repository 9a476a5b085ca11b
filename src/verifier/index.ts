export { VerifierError } from "./error.ts";
export {
  type FixupInput,
  type FixupMap,
  type FixupOptions,
  type FixupResult,
  type FixupTarget,
  fixup,
  mapFunctions,
  mapLines,
} from "./fixups/index.ts";
