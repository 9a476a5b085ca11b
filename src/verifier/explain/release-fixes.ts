import type { PathStep } from "./path-step.ts";
import { type Finding, fix, type Refusal } from "./rule.ts";

/** What gives back what a function gave out. */
const RELEASES: readonly (readonly [acquires: RegExp, releases: (name: string) => string])[] = [
  [/ringbuf_reserve_dynptr/, (name) => `bpf_ringbuf_discard_dynptr(&${name}, 0);`],
  [/ringbuf_reserve/, (name) => `bpf_ringbuf_discard(${name}, 0);`],
  [/sk_lookup|skc_lookup/, (name) => `bpf_sk_release(${name});`],
  [/task_(?:acquire|from)/, (name) => `bpf_task_release(${name});`],
  [/cgroup_(?:acquire|from|ancestor)/, (name) => `bpf_cgroup_release(${name});`],
  [/cpumask_(?:create|acquire)/, (name) => `bpf_cpumask_release(${name});`],
  [/obj_new|list_pop|rbtree_remove|refcount_acquire/, (name) => `bpf_obj_drop(${name});`],
];

/** How to give back an object that the program still holds; `overwritten`: its variable was set anew. */
export function releaseFixes(
  refusal: Refusal,
  taken: PathStep | undefined,
  overwritten: boolean,
): Finding["fixes"] {
  const call = taken?.effect.call ?? "";
  const dynptr = /dynptr/.test(call);
  const name = dynptr
    ? (/&(\w+)\)/.exec(taken?.step.source?.text ?? "")?.[1] ?? "ptr")
    : refusal.variable(taken, "ptr");
  const iterator = /bpf_iter_(\w+)_new/.exec(call)?.[1];
  const code =
    iterator === undefined
      ? RELEASES.find(([acquires]) => acquires.test(call))?.[1](name)
      : `bpf_iter_${iterator}_destroy(&it);`;
  if (code === undefined) {
    return [
      fix(
        "Release it before every return after the acquisition, also on the paths of errors, with the function that belongs to what gave it.",
      ),
    ];
  }
  if (overwritten)
    return [fix("Release the old object before its variable is set anew.", `if (${name})\n\t${code}`)];
  return [
    fix(
      dynptr
        ? "Give the dynptr back on every path: also where the reservation failed, and before every other return."
        : "Release it before every return after the acquisition, also on the paths of errors.",
      `${code}\nreturn 0;`,
    ),
  ];
}
