export { fixup } from "./fixup.ts";
export type { FixupInput, FixupMap, FixupOptions, FixupResult, FixupTarget } from "./input.ts";
export { mapLines } from "./lines.ts";
