import { kfunc } from "./calls.ts";
import type { Draft } from "./draft.ts";
import type { KfuncName } from "./kfuncs.ts";

/** What is done with sets of CPUs, by their arguments: a CPU, the set, the other one or the set itself. */
const OPERATIONS: readonly (readonly [KfuncName, result: "number" | "nothing", args: string])[] = [
  ["bpf_cpumask_set_cpu", "nothing", "cm"],
  ["bpf_cpumask_set_cpu", "nothing", "cm"],
  ["bpf_cpumask_clear_cpu", "nothing", "cm"],
  ["bpf_cpumask_test_cpu", "number", "cm"],
  ["bpf_cpumask_test_and_set_cpu", "number", "cm"],
  ["bpf_cpumask_test_and_clear_cpu", "number", "cm"],
  ["bpf_cpumask_setall", "nothing", "m"],
  ["bpf_cpumask_clear", "nothing", "m"],
  ["bpf_cpumask_first", "number", "m"],
  ["bpf_cpumask_first_zero", "number", "m"],
  ["bpf_cpumask_empty", "number", "m"],
  ["bpf_cpumask_full", "number", "m"],
  ["bpf_cpumask_weight", "number", "m"],
  ["bpf_cpumask_first_and", "number", "mo"],
  ["bpf_cpumask_equal", "number", "mo"],
  ["bpf_cpumask_intersects", "number", "mo"],
  ["bpf_cpumask_subset", "number", "mo"],
  ["bpf_cpumask_copy", "nothing", "mo"],
  ["bpf_cpumask_and", "number", "mmo"],
  ["bpf_cpumask_or", "nothing", "omm"],
  ["bpf_cpumask_xor", "nothing", "mmo"],
];

/** One or two sets of CPUs are made, changed, looked at, and given back. */
export function cpumask(draft: Draft): void {
  const { random, code } = draft;
  const keeper = draft.keeper();
  if (keeper === undefined) return;
  kfunc(draft, "bpf_cpumask_create", "pointer");
  draft.loses(keeper);
  const before = draft.scalars;
  const out = code.label();
  draft.left--;
  code.to(out, "jeq64_k", 0, 0, 0);
  draft.put("mov64_x", keeper, 0);
  draft.holds(keeper);
  const other = random.oneIn(2) ? draft.keeper() : undefined;
  if (other === undefined) operations(draft, keeper, keeper);
  else second(draft, keeper, other);
  release(draft, keeper);
  draft.frees(keeper);
  draft.define(0);
  const after = draft.scalars;
  code.bind(out);
  draft.scalars = (before | 1) & after;
}

/** With another one: a set of its own, or the same once more. */
function second(draft: Draft, keeper: number, other: number): void {
  const { random, code } = draft;
  const same = random.oneIn(3);
  if (same) draft.put("mov64_x", 1, keeper);
  kfunc(draft, same ? "bpf_cpumask_acquire" : "bpf_cpumask_create", "pointer");
  draft.loses(other);
  const before = draft.scalars;
  const none = code.label();
  draft.left--;
  if (!same) code.to(none, "jeq64_k", 0, 0, 0);
  draft.put("mov64_x", other, 0);
  draft.holds(other);
  operations(draft, keeper, other);
  release(draft, other);
  draft.frees(other);
  const after = draft.scalars;
  code.bind(none);
  draft.scalars = before & after;
}

function operations(draft: Draft, mask: number, other: number): void {
  const { random } = draft;
  for (let count = 1 + random.below(5); count > 0; count--) {
    const [name, result, args] = random.pick(OPERATIONS);
    for (const [index, kind] of [...args].entries()) {
      const register = 1 + index;
      if (kind !== "c") draft.put("mov64_x", register, kind === "m" ? mask : other);
      else if (random.oneIn(3)) draft.put("mov64_x", register, draft.scalar());
      else draft.put("mov64_k", register, 0, 0, random.below(3));
      draft.loses(register);
    }
    kfunc(draft, name, result);
    if (result === "number" && random.oneIn(2)) {
      const kept = draft.target(0);
      draft.put("mov64_x", kept, 0);
      draft.sets(kept);
    }
  }
}

function release(draft: Draft, mask: number): void {
  draft.put("mov64_x", 1, mask);
  kfunc(draft, "bpf_cpumask_release", "nothing");
}
