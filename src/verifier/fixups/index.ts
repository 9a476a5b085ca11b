export { FixupError } from "./error.ts";
export { fixup } from "./fixup.ts";
export type { FixupInput, FixupOptions, FixupResult, FixupTarget } from "./input.ts";
export { mapFunctions, mapLines } from "./lines.ts";
export type { FixupMap } from "./map.ts";
