import { sideWords } from "./branch-words.ts";
import type { LeavingBranch } from "./leak-branch.ts";
import type { PathStep } from "./path-step.ts";
import { type Finding, fix, type Refusal } from "./rule.ts";
import { endOfBrackets } from "./source-text.ts";

/** What gives back what a function gave out: the calls that do, and one of them. */
const RELEASES: readonly (readonly [acquires: RegExp, by: RegExp, releases: (name: string) => string])[] = [
  [
    /ringbuf_reserve_dynptr/,
    /ringbuf_(?:submit|discard)_dynptr/,
    (name) => `bpf_ringbuf_discard_dynptr(&${name}, 0);`,
  ],
  [/ringbuf_reserve/, /ringbuf_(?:submit|discard)/, (name) => `bpf_ringbuf_discard(${name}, 0);`],
  [/sk_lookup|skc_lookup/, /sk_release/, (name) => `bpf_sk_release(${name});`],
  [/task_(?:acquire|from)/, /task_release|kptr_xchg/, (name) => `bpf_task_release(${name});`],
  [/cgroup_(?:acquire|from|ancestor)/, /cgroup_release|kptr_xchg/, (name) => `bpf_cgroup_release(${name});`],
  [/cpumask_(?:create|acquire)/, /cpumask_release|kptr_xchg/, (name) => `bpf_cpumask_release(${name});`],
  [
    /obj_new|list_pop|rbtree_remove|refcount_acquire/,
    /obj_drop|list_push|rbtree_add|kptr_xchg/,
    (name) => `bpf_obj_drop(${name});`,
  ],
];

/** Any call that gives something back. */
const ANY_RELEASE = /release|_put\b|_put#|free|submit|discard|kptr_xchg|destroy|_drop|list_push|rbtree_add/;

/** The calls that give back what one gave out. */
export function releasesOf(call: string): RegExp {
  const iterator = /bpf_iter_(\w+)_new/.exec(call)?.[1];
  if (iterator !== undefined) return new RegExp(`bpf_iter_${iterator}_destroy`);
  return RELEASES.find(([acquires]) => acquires.test(call))?.[1] ?? ANY_RELEASE;
}

/** How to give back an object that the program still holds; `overwritten`: its variable was set anew. */
export function releaseFixes(
  refusal: Refusal,
  taken: PathStep | undefined,
  overwritten: boolean,
  /** Where the path left those that release it. */
  left: LeavingBranch | null,
): Finding["fixes"] {
  const call = taken?.effect.call ?? "";
  const dynptr = /dynptr/.test(call);
  const name = dynptr
    ? (/&(\w+)\)/.exec(taken?.step.source?.text ?? "")?.[1] ?? "ptr")
    : refusal.variable(taken, "ptr");
  const iterator = /bpf_iter_(\w+)_new/.exec(call)?.[1];
  const code =
    iterator === undefined
      ? RELEASES.find(([acquires]) => acquires.test(call))?.[2](name)
      : `bpf_iter_${iterator}_destroy(&${/_new\(&(\w+)/.exec(taken?.step.source?.text ?? "")?.[1] ?? "it"});`;
  if (code === undefined) {
    return [
      fix(
        `${left === null ? "Release it where it was acquired, before every return after that, also on the paths of errors" : `Release it where ${sidePhrase(left)}, before that path leaves`}, with the function that belongs to what gave it.`,
      ),
    ];
  }
  if (overwritten)
    return [fix("Release the old object before its variable is set anew.", `if (${name})\n\t${code}`)];
  // A reservation that failed has to be given back, too: all ways need it.
  if (left !== null && !dynptr)
    return [fix(`Release it where ${sidePhrase(left)}, before that path leaves.`, onSide(left, code))];
  const optional =
    taken !== undefined && !dynptr && /_or_null/.test(refusal.history.known(0, taken.position + 1) ?? "");
  if (optional) {
    const early = isTestedForNull(refusal, taken, name);
    return [
      fix(
        "Release it where it is not NULL: after its last use, before each return.",
        early ? `${code}\nreturn 0;` : `if (${name}) {\n\t…\n\t${code}\n}`,
      ),
    ];
  }
  return [
    fix(
      dynptr
        ? "Give the dynptr back on every path: also where the reservation failed, and before every other return."
        : "Release it before every return after the acquisition, also on the paths of errors.",
      `${code}\nreturn 0;`,
    ),
  ];
}

/** Whether the program leaves early where a variable is NULL: it is none behind that. */
function isTestedForNull({ history }: Refusal, taken: PathStep, name: string): boolean {
  const test = history.path.slice(taken.position + 1).find(({ effect }) => effect.operation === "branch");
  return new RegExp(String.raw`\bif \((?:!${name}\b|${name} == (?:NULL|0)\))`).test(
    test?.step.source?.text ?? "",
  );
}

/** `"`skb->mark == 7` is true"`. */
function sidePhrase({ at, side }: LeavingBranch): string {
  const words = sideWords(side);
  return side.condition === null ? `${words} (instruction ${at.step.index})` : words;
}

/** The release in front of what a line does behind its condition, where it shows that; else in front of a return. */
function onSide({ at, side }: LeavingBranch, release: string): string {
  const line = at.step.source?.text ?? "";
  const open = /^if\s*(?=\()/.exec(line)?.[0].length;
  const end = open === undefined ? null : endOfBrackets(line, open);
  const left =
    end === null ? null : /^\s*((?:return\b[^;{}]*|break|continue|goto \w+);)$/.exec(line.slice(end))?.[1];
  // Of several conditions one alone does not say that the others hold.
  const whole = end !== null && line.slice(open! + 1, end - 1).trim() === side.condition;
  if (left == null || !whole || side.holds !== true) return `${release}\nreturn 0;`;
  return `${line.slice(0, end!)} {\n\t${release}\n\t${left}\n}`;
}
