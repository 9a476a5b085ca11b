import { smallMapArgument } from "./map-argument-size.ts";
import { keylessMap, mapMismatch } from "./map-types.ts";
import type { Rule } from "./rule.ts";

/** Helpers that are given a map with what does not fit it. */
export const MAP_RULES: readonly Rule[] = [
  {
    code: "map-helper-mismatch",
    patterns: [/^cannot pass map_type (\d+) into func (\S+?)#(\d+)/, /^(?:R\d+ )?invalid zero-sized read/],
    find: (match, refusal) =>
      match[0].startsWith("cannot pass") ? mapMismatch(match, refusal) : keylessMap(refusal),
  },
  {
    code: "map-argument-too-small",
    patterns: [
      /^invalid (?:indirect )?(?:read from|write to|access to) stack R(\d+) off/,
      /^invalid stack type R(\d+) off=/,
      /^R(\d+) (?:min|max) value is outside of the/,
    ],
    find: smallMapArgument,
  },
];
