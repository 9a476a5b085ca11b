import {
  attachTypeNames,
  BpfMapFlag,
  BpfProgFlag,
  mapTypeNames,
  progTypeNames,
} from "../../../src/uapi/index.ts";

/** A mistake in a case file: what is wrong, and on which line. */
export class CaseError extends Error {
  constructor(file: string, line: number, problem: string) {
    super(`${file}:${line}: ${problem}`);
    this.name = "CaseError";
  }
}

function indexIn(names: readonly string[], name: string, what: string): number {
  const index = names.indexOf(name);
  if (index < 0) throw new Error(`there is no ${what} '${name}'`);
  return index;
}

/** `"sched_cls"` → 3. */
export function programTypeOf(name: string): number {
  return indexIn(progTypeNames, name, "program type");
}

/** `"cgroup_inet_egress"` → 1. */
export function attachTypeOf(name: string): number {
  return indexIn(attachTypeNames, name, "attach type");
}

/** `"percpu_hash"` → 5. */
export function mapTypeOf(name: string): number {
  return indexIn(mapTypeNames, name, "map type");
}

function flagsOf(constants: Readonly<Record<string, number>>, text: string, what: string): number {
  let flags = 0;
  for (const word of text.split(/[\s|]+/).filter((each) => each !== "")) {
    const value = constants[word.toUpperCase()];
    if (value === undefined) throw new Error(`there is no ${what} '${word}'`);
    flags |= value;
  }
  return flags;
}

/** `"mmapable|no_prealloc"`. */
export function mapFlagsOf(text: string): number {
  return flagsOf(BpfMapFlag, text, "map flag");
}

/** `"sleepable strict_alignment"`. */
export function programFlagsOf(text: string): number {
  return flagsOf(BpfProgFlag, text, "program flag");
}
