import { sideWords } from "./branch-words.ts";
import { birthOf } from "./cause.ts";
import { causeOfLeak, heldCause, newestCall, setsAnew } from "./cause-reference.ts";
import { causeOfType, skippedOver } from "./cause-value.ts";
import { leavingBranch } from "./leak-branch.ts";
import { lockHeld } from "./lock-held.ts";
import { otherInstructions } from "./program-text.ts";
import { releaseFixes, releasesOf } from "./release-fixes.ts";
import { type Finding, fix, type Refusal, type Rule, stepOf } from "./rule.ts";
import { specialFieldMissing } from "./special-field.ts";

/** References, locks and sections. */
export const RESOURCE_RULES: readonly Rule[] = [
  {
    code: "unreleased-reference",
    patterns: [/^Unreleased reference id=\d+ alloc_insn=(\d+)/, /would lead to reference leak/],
    find: (match, refusal) => {
      const allocation = match[1] ?? refusal.said(/alloc_insn=(\d+)/);
      return leak(allocation === null ? null : Number(allocation), refusal);
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
    find: specialFieldMissing,
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
      what: "an RCU section",
      opens: /rcu_read_lock/,
      closes: /rcu_read_unlock/,
      code: "bpf_rcu_read_lock();\n…\nbpf_rcu_read_unlock();",
    },
  ),
  section("preempt-section", [/bpf_preempt_disable-ed region/, /unmatched attempt to enable preemption/], {
    what: "a section without preemption",
    opens: /preempt_disable/,
    closes: /preempt_enable/,
    code: "bpf_preempt_disable();\n…\nbpf_preempt_enable();",
  }),
  section(
    "irq-section",
    [/bpf_local_irq_save-ed region/, /irq flag/, /cannot restore irq state out of order/],
    {
      what: "a section without interrupts",
      opens: /irq_save/,
      closes: /irq_restore/,
      code: "unsigned long flags;\nbpf_local_irq_save(&flags);\n…\nbpf_local_irq_restore(&flags);",
    },
  ),
];

function leak(allocation: number | null, refusal: Refusal): Finding {
  const { history } = refusal;
  const lost = allocation === null ? null : causeOfLeak(history, allocation);
  const taken = history.path.findLast(({ step }) => step.index === allocation);
  const overwritten = lost !== null && taken !== undefined && lost.at !== taken && setsAnew(taken, lost.at);
  const call = taken?.effect.call ?? null;
  const left =
    taken === undefined || call === null || overwritten
      ? null
      : leavingBranch(refusal, taken, releasesOf(call));
  // The branch says more than where the compiler has no more use of the pointer.
  const cause = left === null || taken === undefined ? lost : heldCause(taken);
  const [used] = refusal.used("the program still holds it here");
  return {
    headline: "an object that was acquired is not released on every path",
    why: [
      ...refusal.steps(cause, "the program still holds it here").filter(({ role }) => role !== "used"),
      ...(left === null
        ? []
        : [stepOf(left.at, "passed", `${sideWords(left.side)} here: this side goes past the release`)]),
      ...(used === undefined ? [] : [used]),
    ],
    fixes: releaseFixes(refusal, taken, overwritten, left),
  };
}

interface SectionWords {
  /** `"an RCU section"` */
  readonly what: string;
  /** Names of the calls that open and that close it. */
  readonly opens: RegExp;
  readonly closes: RegExp;
  readonly code: string;
}

function section(code: string, patterns: readonly RegExp[], words: SectionWords): Rule {
  return { code, patterns, find: ({ input }, refusal) => sectionFinding(input, words, refusal) };
}

function sectionFinding(
  message: string,
  { what, opens, closes, code }: SectionWords,
  refusal: Refusal,
): Finding {
  const { history } = refusal;
  const begin = newestCall(history, opens, "the section begins here");
  if (/^unmatched|expected an initialized/.test(message)) {
    const skipped = skippedOver(
      history,
      otherInstructions(refusal),
      (text) => text.startsWith("call ") && opens.test(text),
    );
    const closed = newestCall(history, closes, "it is closed here already");
    const cause =
      skipped === null ? closed : { at: skipped, text: "this path jumps past the call that opens it" };
    return {
      headline: `${what} is closed that is not open`,
      why: refusal.steps(cause, "no such section is open here"),
      fixes: [fix("Close it once, on the paths that opened it.", code)],
    };
  }
  if (/region/.test(message)) {
    const skipped = skippedOver(
      history,
      otherInstructions(refusal),
      (text) => text.startsWith("call ") && closes.test(text),
    );
    const path = skipped === null || begin === null || skipped.position < begin.at.position ? null : skipped;
    const cause = path === null ? begin : { at: path, text: "this path leaves without closing it" };
    const exit = refusal.last?.effect.operation === "exit";
    return {
      headline: exit
        ? `${what} is still open where the program, or a function, ends`
        : `something is done in ${what} that is not allowed there`,
      why: [
        ...(path === null || begin === null ? [] : [stepOf(begin.at, "passed", begin.text)]),
        ...refusal.steps(cause, "the section is still open here"),
      ],
      fixes: [fix(exit ? "Close it on every path that opened it." : "Close it before.", code)],
    };
  }
  const nested = message.startsWith("nested");
  return {
    headline: nested
      ? `${what} is opened inside of another one`
      : `${what} is closed with flags that do not belong to it, or not in reverse order`,
    why: refusal.steps(
      begin,
      nested ? "a section is open here already" : "this does not fit the sections that are open here",
    ),
    fixes: [
      fix(
        nested
          ? "Close the first one before, or do without the second."
          : "Restore with the flags of the matching save, the newest first.",
        code,
      ),
    ],
  };
}
