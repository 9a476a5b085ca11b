export { fixup } from "./fixup.ts";
export type { FixupInput, FixupMap, FixupOptions, FixupResult, FixupTarget } from "./input.ts";
export { mapFunctions, mapLines } from "./lines.ts";
