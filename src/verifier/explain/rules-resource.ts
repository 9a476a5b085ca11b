import { birthOf, callName } from "./cause.ts";
import { causeOfLeak, newestCall } from "./cause-reference.ts";
import { causeOfType, skippedOver } from "./cause-value.ts";
import { type Finding, fix, type Refusal, type Rule, stepOf } from "./rule.ts";
import { otherInstructions } from "./rules-stack.ts";

/** References, locks and sections. */
export const RESOURCE_RULES: readonly Rule[] = [
  {
    code: "unreleased-reference",
    patterns: [/^Unreleased reference id=\d+ alloc_insn=(\d+)/, /would lead to reference leak/],
    find: (match, refusal) => {
      const line = refusal.log.messages
        .map((each) => /alloc_insn=(\d+)/.exec(each)?.[1])
        .find((each) => each !== undefined);
      const allocation = match[1] ?? line;
      return {
        headline: "an object that was acquired is not released on every path",
        why: refusal.steps(
          allocation === undefined ? null : causeOfLeak(refusal.history, Number(allocation)),
          "the program still holds it here",
        ),
        fixes: [
          fix(
            "Release it before every return after the acquisition, also on the paths of errors.",
            "bpf_sk_release(sk);\nreturn 0;",
          ),
          fix(
            "Records of ring buffers are given back by bpf_ringbuf_submit or bpf_ringbuf_discard, tasks by bpf_task_release, dynptrs and iterators by their own functions.",
          ),
        ],
      };
    },
  },
  {
    code: "release-unreferenced",
    patterns: [
      /^R(\d+) must be referenced when passed to release function/,
      /^release kernel function \S+ expects refcounted/,
      /^arg (\d+) is an unacquired reference/,
      /^arg#\d+ (?:expected for bpf_(?:percpu_)?obj_drop|is neither owning or non-owning ref)/,
      /^allocated object must be referenced/,
      /reference has not been acquired before/,
      /^more than one arg with ref_obj_id/,
    ],
    find: (match, refusal) => {
      const register = Number(match[1] ?? 1);
      const { history, last } = refusal;
      const birth = birthOf(history.origin(register, last?.position ?? 0));
      const lost = causeOfType(history, register, last?.position ?? 0);
      const cause =
        birth === undefined ? null : { at: birth.at, text: "what gives the pointer takes no reference" };
      return {
        headline: "something is released that was not acquired, or was released already",
        operand: `R${register}`,
        why: refusal.chain(
          register,
          "no reference belongs to this pointer",
          lost !== null && /after it/.test(lost.text) ? lost : cause,
        ),
        fixes: [
          fix(
            "Release exactly what an acquiring function gave, once.",
            "sk = bpf_sk_lookup_tcp(…);\nif (sk)\n\tbpf_sk_release(sk);",
          ),
        ],
      };
    },
  },
  {
    code: "lock-held",
    patterns: [
      /inside bpf_spin_lock-ed region/,
      /calls are not allowed while holding a lock/,
      /^Locking two bpf_spin_locks are not allowed/,
      /^Acquiring the same lock again/,
      /^use static function instead/,
      /^can't spin_\{lock,unlock\} in rbtree cb/,
      / not allowed in rbtree cb/,
    ],
    find: (match, refusal) => lockHeld(match.input, refusal),
  },
  {
    code: "unlock-without-lock",
    patterns: [/_unlock (?:without taking a lock|of different lock|cannot be out of order)/],
    find: (match, refusal) => {
      const skipped = skippedOver(refusal.history, otherInstructions(refusal), (text) =>
        /^call bpf_(?:res_)?spin_lock/.test(text),
      );
      const other = match.input.includes("different")
        ? birthOf(refusal.history.origin(1, refusal.last?.position ?? 0))
        : undefined;
      const cause =
        other !== undefined
          ? {
              at: other.at,
              text: "the lock that is released belongs to what this gives: another value, as far as the verifier knows",
            }
          : skipped === null
            ? null
            : { at: skipped, text: "this path jumps past the lock" };
      return {
        headline: "a lock is released that is not held, or another one than was taken",
        operand: "R1",
        why: refusal.chain(
          1,
          match.input.includes("without") ? "no lock is held here" : "this lock is not the one that is held",
          cause,
        ),
        fixes: [
          fix(
            "Lock and unlock through the same pointer, in the same function, in reverse order.",
            "bpf_spin_lock(&value->lock);\n…\nbpf_spin_unlock(&value->lock);",
          ),
        ],
      };
    },
  },
  {
    code: "special-field-access",
    patterns: [
      /^(\S+) cannot be accessed (?:directly by load\/store|indirectly by helper)/,
      /^direct access to (\S+) is disallowed/,
      /^(kptr)(?: in map)? (?:access|can only)/,
      /^potential write to (dynptr) at off/,
      /^(\S+) access (?:cannot have variable offset|misaligned|size must be)/,
    ],
    find: (match) => ({
      headline: `the ${match[1]} in a value is read or written directly`,
      need: "only its own helpers may touch these bytes",
      fixes: [fix("Copy the members around it, not the whole value.", "other->count = value->count;")],
    }),
  },
  {
    code: "special-field-missing",
    patterns: [
      /^map '\S*' (?:has to have BTF in order to use|has no valid) (\S+)/,
      /^local 'kptr' has no valid (\S+)/,
      /^off -?\d+ doesn't point to 'struct (\S+)'/,
      /^R\d+ doesn't have constant offset\. (\S+) has to be/,
      /^(bpf_\S+) not found at offset/,
      /^R\d+ has no valid (kptr)/,
      /^arg#\d+ doesn't point to (?:a )?(map value|type with bpf_refcount field)/,
      /^off=-?\d+ (?:doesn't point to )?(kptr)/,
      /^operation on (\S+) expects arg#1/,
      /^(\S+) has to be at (?:a|the) constant offset/,
      /Couldn't find (btf_record)/,
    ],
    find: (match, refusal) => {
      const register = Number(/\bR(\d+)/.exec(match.input)?.[1] ?? 1);
      return {
        headline: `a helper wants the ${match[1]} of a value, and is not given its address`,
        operand: `R${register}`,
        why: refusal.chain(
          register,
          "the address must be that of the field, at a constant offset, in a map with BTF",
          null,
        ),
        fixes: [
          fix(
            "Pass the address of the field itself, of a map whose value type has it.",
            "bpf_spin_lock(&value->lock);",
          ),
          fix(
            "The map needs BTF: declare its value by __type, not by value_size.",
            "__type(value, struct value);",
          ),
        ],
      };
    },
  },
  {
    code: "lock-not-held",
    patterns: [
      /^(\S+ at off=\d+) must be held for (\S+)/,
      /w\/o active lock/,
      /^held lock and object are not in the same allocation/,
    ],
    find: () => ({
      headline: "a list or tree is changed without the lock that protects it",
      need: "the bpf_spin_lock beside the head must be held here",
      fixes: [
        fix(
          "Take the lock that lies in the same value as the head, around the call.",
          "bpf_spin_lock(&lock);\nbpf_list_push_front(&head, &node->list);\nbpf_spin_unlock(&lock);",
        ),
      ],
    }),
  },
  {
    code: "map-field-not-allowed",
    patterns: [
      /^tracing progs cannot use (\S+) yet/,
      /^socket filter progs cannot use (\S+) yet/,
      /^bpf_timer cannot be used for PREEMPT_RT/,
    ],
    find: (match) => ({
      headline: `programs of this type cannot use maps with a ${match[1] ?? "bpf_timer"}`,
      whole: true,
      fixes: [fix("Use a per-CPU map, or atomic additions.", "__sync_fetch_and_add(&value->count, 1);")],
    }),
  },
  {
    code: "different-map",
    patterns: [/pointer in R(\d+) map_uid=\d+ doesn't match map pointer in R\d+ map_uid=\d+/],
    find: (match, refusal) => ({
      headline: "a timer, work queue or task work is passed with another map than the one it lies in",
      operand: `R${match[1]}`,
      why: refusal.chain(Number(match[1]), "this belongs to a value of another map", null),
      fixes: [
        fix(
          "Pass the map that the value was looked up in.",
          "bpf_timer_init(&value->timer, &timers, CLOCK_MONOTONIC);",
        ),
      ],
    }),
  },
  section(
    "rcu-section",
    [/bpf_rcu_read_lock-ed region/, /unmatched rcu read (?:lock|unlock)/, /nested rcu read lock/],
    {
      headline: "an RCU section is left open, nested or closed twice",
      names: /rcu_read_lock/,
      need: "the section is open, or not open, here",
      text: "Pair them on every path.",
      code: "bpf_rcu_read_lock();\n…\nbpf_rcu_read_unlock();",
    },
  ),
  section("preempt-section", [/bpf_preempt_disable-ed region/, /unmatched attempt to enable preemption/], {
    headline: "a section without preemption is left open, or closed twice",
    names: /preempt_disable/,
    need: "preemption is disabled, or not disabled, here",
    text: "Pair them on every path.",
    code: "bpf_preempt_disable();\n…\nbpf_preempt_enable();",
  }),
  section(
    "irq-section",
    [/bpf_local_irq_save-ed region/, /irq flag/, /cannot restore irq state out of order/],
    {
      headline: "a section without interrupts is left open, closed in the wrong order, or with other flags",
      names: /irq_save/,
      need: "this does not fit the sections that are open here",
      text: "Restore with the flags of the matching save, in reverse order, on every path.",
      code: "unsigned long flags;\nbpf_local_irq_save(&flags);\n…\nbpf_local_irq_restore(&flags);",
    },
  ),
];

/** What is done under a spin lock that is not allowed there. */
function lockHeld(message: string, refusal: Refusal): Finding {
  const { last, history } = refusal;
  const lock = newestCall(history, /spin_lock/, "the lock is taken here");
  const held = /bpf_(?:res_)?spin_lock(?:_irqsave)?\(([^;]*)\)/.exec(lock?.at.step.source?.text ?? "")?.[1];
  const unlock = `${/res_spin/.test(lock?.at.effect.call ?? "") ? "bpf_res_spin_unlock" : "bpf_spin_unlock"}(${held ?? "&value->lock"});`;
  const call = last?.effect.call ?? null;
  if (/rbtree cb/.test(message)) {
    return {
      headline:
        "the callback that compares nodes of a tree does something that is not allowed under the tree's lock",
      why: refusal.steps(lock, "the tree's lock is held here"),
      fixes: [fix("Let it compare members of the two nodes, and nothing else.", "return a->key < b->key;")],
    };
  }
  if (/^(?:Locking two|Acquiring the same)/.test(message)) {
    return {
      headline: message.startsWith("Locking")
        ? "a second spin lock is taken while one is held"
        : "a spin lock is taken that is held already",
      why: refusal.steps(lock, "a lock is still held here"),
      fixes: [
        fix(
          "Unlock the first one before.",
          `${unlock}\n${last?.step.source?.text ?? "bpf_spin_lock(&other->lock);"}`,
        ),
      ],
    };
  }
  if (call !== null) {
    const name = call.startsWith("pc") ? "a function of the program" : callName(call);
    const line = last?.step.source?.text ?? "";
    return {
      headline: `${name} is called while a spin lock is held`,
      why: refusal.steps(
        lock,
        "the lock is still held here: hardly any call is allowed then, and this one is not",
      ),
      fixes: [
        fix(
          "Copy what the call needs out of the value while the lock is held, unlock, and call then.",
          `n = value->n;\n${unlock}\n${line === "" ? `${name}(…);` : line}`,
        ),
        ...(call.startsWith("pc")
          ? [
              fix(
                "Functions that are static, and are verified with their callers, may be called under a lock.",
                "static __noinline int work(struct value *value)",
              ),
            ]
          : []),
      ],
    };
  }
  const left = skippedOver(history, otherInstructions(refusal), (text) =>
    /^call bpf_(?:res_)?spin_unlock/.test(text),
  );
  const path = left === null || lock === null || left.position < lock.at.position ? null : left;
  const cause = path === null ? lock : { at: path, text: "this path leaves without the unlock" };
  const line = last?.step.source?.text ?? "";
  return {
    headline: "the program ends, or leaves a function, while a spin lock is held",
    why: [
      ...(path === null || lock === null ? [] : [stepOf(lock.at, "passed", lock.text)]),
      ...refusal.steps(cause, "the lock is still held here"),
    ],
    fixes: [
      fix(
        "Unlock on this path too, before it leaves.",
        `${unlock}\n${/^return\b/.test(line) ? line : "return 0;"}`,
      ),
    ],
  };
}

interface SectionWords {
  readonly headline: string;
  readonly names: RegExp;
  readonly need: string;
  readonly text: string;
  readonly code: string;
}

function section(code: string, patterns: readonly RegExp[], words: SectionWords): Rule {
  return {
    code,
    patterns,
    find: (_match, refusal: Refusal) => ({
      headline: words.headline,
      why: refusal.steps(newestCall(refusal.history, words.names, "the section begins here"), words.need),
      fixes: [fix(words.text, words.code)],
    }),
  };
}
