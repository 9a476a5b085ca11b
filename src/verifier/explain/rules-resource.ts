import type { ExplanationStep } from "./explanation.ts";
import { fix, type Refusal, type Rule, stepOf } from "./rule.ts";

/** References, locks and sections. */
export const RESOURCE_RULES: readonly Rule[] = [
  {
    code: "unreleased-reference",
    patterns: [/^Unreleased reference id=(\d+) alloc_insn=(\d+)/],
    find: (match, refusal) => ({
      headline: "an object that was acquired is not released on every path",
      why: [
        ...taken(refusal, Number(match[2]), "the reference is taken here"),
        ...end(refusal, "the program ends here, and still holds it"),
      ],
      fixes: [
        fix(
          "Release it before every return behind the acquisition, also on the paths of errors.",
          "bpf_sk_release(sk);\treturn 0;",
        ),
        fix(
          "Records of ring buffers are given back by bpf_ringbuf_submit or bpf_ringbuf_discard, tasks by bpf_task_release, dynptrs and iterators by their own functions.",
        ),
      ],
    }),
  },
  {
    code: "reference-leak",
    patterns: [/would lead to reference leak/],
    find: (_match, refusal) => ({
      headline: "the program would go on, or end, while it still holds a reference",
      why: end(refusal, "references are still held here"),
      fixes: [fix("Release what was acquired before this instruction.")],
    }),
  },
  {
    code: "release-unreferenced",
    patterns: [
      /^R(\d+) must be referenced when passed to release function/,
      /^release .* expects referenced/,
      /^arg \d+ is an unacquired reference/,
    ],
    find: (match, refusal) => ({
      headline: "something is released that was not acquired, or was released already",
      ...(match[1] === undefined
        ? {}
        : {
            operand: `R${match[1]}`,
            why: refusal.chain(Number(match[1]), "no reference belongs to this pointer"),
          }),
      fixes: [fix("Release exactly what an acquiring function gave, once.")],
    }),
  },
  {
    code: "lock-held",
    patterns: [
      /inside bpf_spin_lock-ed region/,
      /^function calls are not allowed while holding a lock/,
      /^BPF_EXIT .*bpf_spin_lock/,
    ],
    find: (_match, refusal) => ({
      headline: "something is done under a spin lock that is not allowed there",
      why: end(refusal, "a lock is held here"),
      fixes: [
        fix(
          "Unlock first: under a lock there are no calls but the unlock, no exit and no tail call.",
          "bpf_spin_unlock(&value->lock);",
        ),
      ],
    }),
  },
  {
    code: "unlock-without-lock",
    patterns: [
      /^bpf_(?:res_)?spin_unlock(?:_irqrestore)? (?:without taking a lock|of different lock|cannot be out of order)/,
    ],
    find: () => ({
      headline: "a lock is released that is not held, or another one than was taken",
      fixes: [
        fix("Lock and unlock the same field of the same map value, in the same function, in reverse order."),
      ],
    }),
  },
  {
    code: "lock-access",
    patterns: [
      /^(bpf_spin_lock|bpf_timer|kptr|bpf_list_head|bpf_rb_root|\S+) cannot be accessed directly by load\/store/,
    ],
    find: (match) => ({
      headline: `the ${match[1]} in a map value is read or written directly`,
      fixes: [fix("Copy the members around it, not the whole value; only its own helpers touch it.")],
    }),
  },
  {
    code: "tracing-lock",
    patterns: [/^tracing progs cannot use (\S+) yet/, /^socket filter progs cannot use (\S+) yet/],
    find: (match) => ({
      headline: `programs of this type cannot use maps with a ${match[1]}`,
      fixes: [fix("Use a per-CPU map, or atomic additions.", "__sync_fetch_and_add(&value->count, 1);")],
    }),
  },
  {
    code: "rcu-section",
    patterns: [/bpf_rcu_read_lock-ed region/, /unmatched rcu read (?:lock|unlock)/, /nested rcu read lock/],
    find: (_match, refusal) => ({
      headline: "an RCU section is left open, nested or closed twice",
      why: end(refusal, "the section is open here"),
      fixes: [fix("Pair bpf_rcu_read_lock and bpf_rcu_read_unlock on every path.")],
    }),
  },
  {
    code: "preempt-section",
    patterns: [/bpf_preempt_disable-ed region/, /unmatched attempt to enable preemption/],
    find: (_match, refusal) => ({
      headline: "a section without preemption is left open, or closed twice",
      why: end(refusal, "preemption is disabled here"),
      fixes: [fix("Pair bpf_preempt_disable and bpf_preempt_enable on every path.")],
    }),
  },
  {
    code: "irq-section",
    patterns: [
      /bpf_local_irq_save-ed region/,
      /^arg#\d+ doesn't point to an (?:initialized|irq flag)/,
      /cannot restore irq state out of order/,
    ],
    find: (_match, refusal) => ({
      headline: "a section without interrupts is left open, or closed in the wrong order",
      why: end(refusal, "interrupts are disabled here"),
      fixes: [fix("Restore with the flags of the matching save, in reverse order, on every path.")],
    }),
  },
];

function taken(refusal: Refusal, insn: number, text: string): ExplanationStep[] {
  const at = [...refusal.history.path].reverse().find(({ step }) => step.index === insn);
  return at === undefined ? [] : [stepOf(at, "origin", text)];
}

function end(refusal: Refusal, text: string): ExplanationStep[] {
  return refusal.last === undefined ? [] : [stepOf(refusal.last, "used", text)];
}
