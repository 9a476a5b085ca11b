import { SECTION_DEFINITIONS, type SectionDefinition } from "./section-definitions.ts";

/** A section name understood. */
export interface SectionMatch {
  readonly definition: SectionDefinition;
  /** What follows the first slash after the definition's prefix (`"syscalls/sys_enter_openat"`), or null. */
  readonly target: string | null;
}

const BY_PREFIX: ReadonlyMap<string, SectionDefinition> = new Map(
  SECTION_DEFINITIONS.map((definition) => [definition.pattern.replace(/\+$/, ""), definition]),
);

/**
 * The definition that a section name matches, by libbpf's rule (`sec_def_matches`): the pattern itself, or, where
 * it ends with `+`, the pattern followed by a slash and a target. The `?` in front of the names of sections whose
 * programs are not loaded by default is not part of the name.
 *
 * @returns null where no definition matches: such a program has no type until someone sets it.
 */
export function matchSection(name: string): SectionMatch | null {
  const exact = BY_PREFIX.get(name);
  if (exact !== undefined) return { definition: exact, target: null };
  const slash = name.indexOf("/");
  if (slash < 0) return null;
  const definition = BY_PREFIX.get(name.slice(0, slash));
  if (definition === undefined || !definition.pattern.endsWith("+")) return null;
  return { definition, target: name.slice(slash + 1) };
}
