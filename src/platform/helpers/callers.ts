import { PROGRAM_TYPES } from "../program-types.ts";
import type { GrantCondition } from "./grant.ts";
import type { HelperName, HelperPrototype } from "./prototype.ts";
import { tablesOf } from "./prototype-of.ts";
import { HELPER_PROTOTYPES, PROTOTYPES } from "./prototype-table.ts";

/** A program type that may call a helper, and what the helper takes of it. */
export interface HelperCaller {
  /** As bpftool names it: `"sched_cls"`. */
  readonly programType: string;
  readonly prototype: HelperPrototype;
  /** What must hold besides; null where all programs of the type may call it. */
  readonly condition: GrantCondition | null;
}

/**
 * Who may call a helper, in the order of program types: a type stands twice where it has different prototypes under
 * different conditions. Extensions may call what the program may that they extend, and are left out.
 */
export function helperCallers(id: number): readonly HelperCaller[] {
  const name = HELPER_PROTOTYPES.get(id)?.name.slice("bpf_".length) as HelperName | undefined;
  if (name === undefined) return [];
  return PROGRAM_TYPES.flatMap((programType) => {
    const table = tablesOf(programType.type).find(({ rows }) => rows[name] !== undefined);
    const grant = table?.rows[name] ?? null;
    if (grant === null) return [];
    const choices = typeof grant === "string" ? [{ prototype: grant }] : grant;
    return choices
      .filter(({ programTypes }: GrantCondition) => programTypes?.includes(programType.type) !== false)
      .map(
        ({
          prototype,
          programTypes: _,
          ...condition
        }: GrantCondition & { prototype: keyof typeof PROTOTYPES }) => ({
          programType: programType.name,
          prototype: PROTOTYPES[prototype],
          condition: Object.keys(condition).length === 0 ? null : condition,
        }),
      );
  });
}
