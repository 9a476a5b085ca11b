import { birthOf } from "./cause.ts";
import { newestCall } from "./cause-reference.ts";
import { causeOfType } from "./cause-value.ts";
import { fix, plainRule, type Refusal, type Rule } from "./rule.ts";

/** Objects that the verifier keeps book of: dynptrs, iterators, pointers in maps, lists and trees. */
export const OBJECT_RULES: readonly Rule[] = [
  {
    code: "dynptr-uninitialised",
    patterns: [
      /^Expected an initialized dynptr as arg #(\d+)/,
      /^arg#(\d+) expected pointer to stack or const struct bpf_dynptr/,
      /^Expected a dynptr of type \S+ as arg #(\d+)/,
    ],
    find: (match, refusal) =>
      object(
        refusal,
        Number(match[1]) + 1,
        "a dynptr is used that holds nothing, or something of another kind",
        "no dynptr that fits is there on this path",
        [
          fix(
            "Make it first, and test the result; after its release, or a write to its bytes, it is gone.",
            "struct bpf_dynptr ptr;\nif (bpf_dynptr_from_mem(&value->data, sizeof(value->data), 0, &ptr))\n\treturn 0;",
          ),
        ],
      ),
  },
  {
    code: "dynptr-overwritten",
    patterns: [/^cannot overwrite referenced dynptr/, /[Dd]ynptr has to be an uninitialized dynptr/],
    find: (_match, refusal) => ({
      headline: "a dynptr is overwritten while it still holds a record of a ring buffer",
      why: refusal.steps(
        newestCall(refusal.history, /reserve_dynptr|dynptr_from|dynptr_clone/, "the dynptr is made here"),
        "this writes over it",
      ),
      fixes: [
        fix(
          "Submit or discard it first; use another variable for another dynptr.",
          "bpf_ringbuf_submit_dynptr(&ptr, 0);",
        ),
      ],
    }),
  },
  plainRule(
    "dynptr-misuse",
    [
      /^cannot release unowned const bpf_dynptr/,
      /^cannot pass pointer to const bpf_dynptr/,
      /^Unsupported reg type \S+ for bpf_dynptr_from_mem data/,
      /^cannot pass in dynptr at an offset/,
      /^dynptr has to be at a constant offset/,
    ],
    "a dynptr is made from, or passed as, something that cannot be one",
    "this is refused",
    fix(
      "Dynptrs lie whole on the stack, or are what a callback is given (read only); they are made of map values, packets and ring buffers.",
      "bpf_dynptr_from_mem(value->data, sizeof(value->data), 0, &ptr);",
    ),
  ),
  {
    code: "iterator-state",
    patterns: [
      /^expected an initialized (iter_\S+) as arg #(\d+)/,
      /^expected uninitialized (iter_\S+) as arg #(\d+)/,
      /^expected valid iter pointer as arg #/,
      /^arg#\d+ expected pointer to an iterator on stack/,
    ],
    find: (match, refusal) => ({
      headline: match[0].includes("uninitialized")
        ? "an iterator is made where there is one already"
        : "an iterator is used that was not made, or was destroyed already",
      operand: "R1",
      why: refusal.steps(
        newestCall(
          refusal.history,
          /bpf_iter_\w+_(?:new|destroy)/,
          "the iterator was made, or destroyed, here",
        ),
        match[0].includes("uninitialized")
          ? "there is an iterator in this place already"
          : "there is no iterator in this place",
      ),
      fixes: [fix("Let the macros of libbpf make and destroy it.", "bpf_for(i, 0, n) {\n\t…\n}")],
    }),
  },
  plainRule(
    "kptr-store",
    [
      /^invalid kptr access, R(\d+)/,
      /^store to (?:referenced kptr|uptr) disallowed/,
      /^BPF_ST imm must be 0 when storing to kptr/,
    ],
    "something is stored into a pointer in a map that may not be stored there",
    "this store is refused",
    fix(
      "Referenced pointers are exchanged, and what comes out is released.",
      "old = bpf_kptr_xchg(&value->task, task);\nif (old)\n\tbpf_task_release(old);",
    ),
    fix(
      "Fields without a reference (__kptr_untrusted) take pointers of the declared type alone, at the start of the object.",
    ),
  ),
  plainRule(
    "allocated-type",
    [
      /^bpf_(?:obj_new\/bpf_percpu_)?(?:percpu_)?obj_new/,
      /^local type ID argument must be in range/,
      /^Unknown type ID \d+ passed to kfunc/,
      /^kfunc bpf_rdonly_cast type ID argument/,
      /^kern ctx type id \d+ is not a struct/,
    ],
    "an object is asked for whose type does not fit",
    "the type must be a struct of the program's BTF",
    fix(
      "Name a struct of the program; objects for each CPU are small, of numbers alone.",
      "node = bpf_obj_new(typeof(*node));",
    ),
  ),
  plainRule(
    "rbtree-node",
    [/can only take non-owning or refcounted bpf_rb_node/, /^arg#1 offset=\d+, but expected/],
    "a node is passed that does not belong to the tree or list",
    "this node is not one that the operation takes",
    fix(
      "Pass a node that the tree gave, or was added to it, under the same lock.",
      "node = bpf_rbtree_first(&root);",
    ),
  ),
];

function object(
  refusal: Refusal,
  register: number,
  headline: string,
  need: string,
  fixes: ReturnType<typeof fix>[],
) {
  const { history, last } = refusal;
  const made = newestCall(history, /submit|discard|release|destroy/, "the call ends the life of it");
  const birth = birthOf(history.origin(register, last?.position ?? 0));
  const cause = made ?? (birth === undefined ? null : causeOfType(history, register, last?.position ?? 0));
  return {
    headline,
    operand: `R${register}`,
    why: refusal.chain(register, need, made === null ? null : cause),
    fixes,
  };
}
