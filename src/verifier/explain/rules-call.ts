import { fix, type Rule } from "./rule.ts";
import { valueText } from "./value-text.ts";

/** Calls of helpers, kernel functions and functions of the program. */
export const CALL_RULES: readonly Rule[] = [
  {
    code: "argument-type",
    patterns: [/^R(\d+) type=(\S+) expected=(.+)$/],
    find: (match, refusal) => ({
      headline: `argument ${match[1]} of the call is ${valueText(match[2]!)}, where ${listText(match[3]!)} is wanted`,
      operand: `R${match[1]}`,
      why: refusal.chain(Number(match[1]), `${refusal.last?.effect.call ?? "the call"} wants ${match[3]}`),
      fixes: [fix("Pass what the helper asks for: `tsbpf help helper NAME` shows its arguments.")],
    }),
  },
  {
    code: "helper-not-allowed",
    patterns: [
      /^program of this type cannot use helper (\S+?)#(\d+)/,
      /^unknown func (\S+)#(\d+)/,
      /^invalid func (\S+)#(\d+)/,
    ],
    find: (match) => ({
      headline: `programs of this type may not call ${match[1]}`,
      fixes: [
        fix("Use another helper that this program type has, or do this work in a program of another type."),
        fix(
          "Where the kernel is older than the helper, ask before calling it.",
          "if (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_…))",
        ),
      ],
    }),
  },
  {
    code: "gpl-only",
    patterns: [
      /^cannot call GPL-restricted function from non-GPL compatible program/,
      /^cannot call GPL only function from proprietary program/,
    ],
    find: () => ({
      headline: "the helper is only for programs under a licence compatible with the GPL",
      fixes: [
        fix("Declare such a licence, if the program has one.", 'char LICENSE[] SEC("license") = "GPL";'),
      ],
    }),
  },
  {
    code: "map-helper-mismatch",
    patterns: [/^cannot pass map_type (\d+) into func (\S+?)#(\d+)/],
    find: (match) => ({
      headline: `${match[2]} does not work on maps of this type`,
      fixes: [
        fix(
          "Use the helpers of the map's type (queues and stacks have push, pop and peek; ring buffers reserve and submit; program arrays only tail calls), or a map of another type.",
        ),
      ],
    }),
  },
  {
    code: "unbounded-size",
    patterns: [
      /^R(\d+) (?:unbounded memory access, use 'var &= const'|min value is negative, either use unsigned or 'var &= const')/,
      /^R(\d+) invalid zero-sized read/,
    ],
    find: (match, refusal) => ({
      headline: "the size passed to a call has no limits that the verifier knows",
      operand: `R${match[1]}`,
      why: refusal.chain(Number(match[1]), "the size may be negative, 0 or too large here"),
      fixes: [
        fix(
          "Bound the size right before the call, as an unsigned number.",
          "if (len > sizeof(buf))\n\tlen = sizeof(buf);",
        ),
        fix("Or mask it, with a power of two minus one.", "len &= sizeof(buf) - 1;"),
      ],
    }),
  },
  {
    code: "kfunc-not-allowed",
    patterns: [/^calling kernel function (\S+) is not allowed/],
    find: (match) => ({
      headline: `programs of this type may not call the kernel function ${match[1]}`,
      fixes: [fix("Call it from a program type that it is registered for.")],
    }),
  },
  {
    code: "sleepable-only",
    patterns: [
      /^(?:helper call might sleep|program must be sleepable to call sleepable kfunc|helper call is not allowed in non-sleepable prog|kernel func \S+ is sleepable within)/,
      /^sleepable helper/,
      /might sleep|is sleepable within/,
    ],
    find: () => ({
      headline: "a function that may sleep is called where sleeping is not allowed",
      fixes: [
        fix(
          "Load the program as sleepable (a section name with `.s`, as `fentry.s/…` or `lsm.s/…`), and call it outside of RCU, preemption and lock sections.",
        ),
      ],
    }),
  },
  {
    code: "trusted-pointer-needed",
    patterns: [/^R(\d+) must be (?:referenced or trusted|a rcu pointer|referenced)/],
    find: (match, refusal) => ({
      headline: "a kernel function wants a pointer that is known to be alive",
      operand: `R${match[1]}`,
      why: refusal.chain(Number(match[1]), "nothing keeps the object alive here"),
      fixes: [
        fix(
          "Acquire a reference first, and test it.",
          "struct task_struct *task = bpf_task_acquire(other);\nif (!task)\n\treturn 0;",
        ),
      ],
    }),
  },
  {
    code: "recursive-call",
    patterns: [/^recursive call from (\S+)\(\) to/, /^back-edge from insn \d+ to \d+.*recursive/],
    find: () => ({
      headline: "a function calls itself, directly or through others",
      fixes: [fix("Replace the recursion by a loop with a fixed limit, or by a tail call.")],
    }),
  },
  {
    code: "global-function-argument",
    patterns: [/^Caller passes invalid args into func#(\d+)/, /^arg#(\d+) .*/, /^Arg#(\d+) type/],
    find: (match) => ({
      headline:
        "a global function is called with arguments that its types do not allow, or has types that the verifier does not know",
      fixes: [
        fix(
          "Make the function static, or give its parameters types the verifier can check: numbers, the context, or pointers to complete structs (tagged `__arg_nonnull`, `__arg_ctx`, `__arg_trusted` …).",
        ),
        fix(`The kernel said: ${match[0]}`),
      ],
    }),
  },
];

function listText(types: string): string {
  const texts = [...new Set(types.split(", ").map(valueText))];
  return texts.length > 3 ? `${texts.slice(0, 3).join(", ")} …` : texts.join(" or ");
}
