import { argumentFixes, prototypeArgument, wantedArgument } from "./argument-fixes.ts";
import { callName } from "./cause.ts";
import { causeOfMovedPointer } from "./cause-access.ts";
import { causeOfBirth, causeOfRange } from "./cause-number.ts";
import { causeOfType } from "./cause-value.ts";
import { type Finding, fix, plainRule, type Refusal, type Rule, wholeRule } from "./rule.ts";
import { sizeFix } from "./size-fix.ts";
import { argumentsIn } from "./source-text.ts";
import { unboundedSizeFixes } from "./unbounded-size.ts";
import { exactOf, rangeOf } from "./value-range.ts";
import { valueText } from "./value-text.ts";

/** Calls of helpers, kernel functions and functions of the program. */
export const CALL_RULES: readonly Rule[] = [
  {
    code: "constant-string",
    patterns: [
      /^R(\d+) type=\S+ expected=/,
      /^R(\d+) does not point to a readonly map/,
      /^string is not zero-terminated/,
      /^Invalid format string/,
      /^direct value access on string failed/,
      /^no direct value access support for this map type/,
      /^arg#\d+ doesn't point to a const string/,
      /^failed to retrieve map value address/,
    ],
    find: (match, refusal) => {
      const register = match[1] === undefined ? undefined : Number(match[1]);
      const typed = match[0].includes("expected=");
      if (typed && prototypeArgument(refusal, register!)?.type !== "ARG_PTR_TO_CONST_STR") return null;
      return constantString(refusal, register);
    },
  },
  {
    code: "argument-type",
    patterns: [
      /^R(\d+) type=(\S+) expected=(.+)$/,
      /^R(\d+) is of type (\S+) but (\S+) is expected/,
      /^kernel function \S+ args#\d+ expected pointer to \S+ (\S+) but R(\d+) has a pointer to \S+ (\S+)/,
      /^arg#(\d+) expected pointer to (.+)/,
      /^arg(\d+) expected pointer to (func)/,
      /^arg#(\d+) is (\S+) expected (.+)/,
      /^helper access to the packet is not allowed/,
    ],
    find: (match, refusal) =>
      match[0].startsWith("helper access") ? packetArgument(refusal) : argumentType(match, refusal),
  },
  {
    code: "unbounded-size",
    patterns: [
      /^R(\d+) (?:unbounded memory access, use 'var &= const'|min value is negative, either use unsigned or 'var &= const')/,
    ],
    find: (match, refusal) => size(match, refusal, "the size passed to a call may be negative, or too large"),
  },
  {
    code: "zero-size",
    patterns: [/^R(\d+) invalid zero-sized read/, /^invalid zero-sized read/],
    find: (match, refusal) => ({
      ...size(match, refusal, "the size passed to a call may be 0, and must not be"),
      fixes: [
        fix("Leave the size 0 out, after everything else that bounds it.", "if (len == 0)\n\treturn 0;"),
      ],
    }),
  },
  {
    code: "reserved-flags",
    patterns: [/^get_local_storage\(\) doesn't support non-zero flags/],
    find: (_match, refusal) => ({
      headline: "flags are passed that this helper does not have",
      operand: "R2",
      why: refusal.chain(
        2,
        "the flags must be 0",
        causeOfRange(refusal.history, 2, refusal.last?.position ?? 0, "both"),
      ),
      fixes: [fix("Pass 0.", "bpf_get_local_storage(&storage, 0);")],
    }),
  },
  {
    code: "constant-needed",
    patterns: [
      /^R(\d+) is not a known constant/,
      /^R(\d+) must be a known constant/,
      /^R(\d+) is not a const$/,
      /^R(\d+) is not a constant address/,
      /^bpf_dynptr_slice\(_rdwr\) no constant size/,
      /^R(\d+) is not a scalar/,
    ],
    find: (match, refusal) => {
      const register = Number(match[1] ?? 4);
      return {
        headline: "a call wants a constant where it gets a variable",
        operand: `R${register}`,
        why: refusal.chain(
          register,
          "the verifier must know this value exactly",
          causeOfBirth(refusal.history, register, refusal.last?.position ?? 0),
        ),
        fixes: [
          fix("Pass a constant, or sizeof.", "bpf_ringbuf_reserve(&ring, sizeof(struct event), 0);"),
          fix("Or make a branch for each value."),
        ],
      };
    },
  },
  {
    code: "trusted-pointer-needed",
    patterns: [
      /^R(\d+) must be (?:referenced or trusted|a rcu pointer)/,
      /^R(\d+) must have zero offset when passed to release func or trusted arg/,
      /^kernel func (\S+) requires RCU critical section protection/,
      /^expected an RCU CS when using/,
    ],
    find: (match, refusal) => {
      const register = /^R/.test(match[0]) ? Number(match[1]) : 1;
      if (match[0].includes("zero offset")) return movedObject(register, refusal);
      return {
        headline: "a kernel function wants a pointer to an object that is known to be alive",
        operand: `R${register}`,
        why: refusal.chain(
          register,
          "nothing keeps the object alive here",
          causeOfType(refusal.history, register, refusal.last?.position ?? 0),
        ),
        fixes: [
          fix(
            "Acquire a reference first, and test it.",
            "struct task_struct *task = bpf_task_acquire(other);\nif (!task)\n\treturn 0;",
          ),
          fix(
            "Pointers that RCU protects are good between bpf_rcu_read_lock and bpf_rcu_read_unlock.",
            "bpf_rcu_read_lock();\n…\nbpf_rcu_read_unlock();",
          ),
        ],
      };
    },
  },
  plainRule(
    "callback-not-allowed",
    [
      /^callback function not allowed for map/,
      /^callback function not static/,
      /^missing btf func_info/,
      /^bpf_throw kfunc \(insn \d+\) cannot be called from callback/,
      /^Calling bpf_rcu_read_\{lock,unlock\} in unnecessary/,
    ],
    "a callback is used where there can be none, or does what it must not do",
    "this is refused",
    fix("Callbacks are static functions, with BTF (compile with -g); they do not throw."),
  ),
  {
    code: "global-function-argument",
    patterns: [
      /^Caller passes invalid args into func#(\d+)/,
      /^[Aa]rg#(\d+) (?!expected|is (?!expected)|doesn't point|memory, len|offset=)/,
      /^arg#(\d+) expects pointer to ctx/,
      /^Global function \S+ (?:doesn't return|with)/,
      /^Function \S+ has \d+ > \d+ args/,
    ],
    find: (match, refusal) => argumentsOfGlobal(match, refusal),
  },
  wholeRule(
    "exception-callback",
    [/exception callback/, /^exception cb only supports/, /^insn \d+ cannot call exception cb directly/],
    "the exception callback is not there, or not of the right kind",
    fix(
      "It is a global function of the program that takes one number, is tagged, and is not called directly.",
      "__noinline int handler(__u64 cookie)\n…\n__exception_cb(handler)",
    ),
  ),
  plainRule(
    "uninitialised-variable",
    [/^unexpected __bpf_trap\(\) due to uninitialized variable/],
    "the compiler found a variable here that is used, and was never set",
    "the compiler put a call of __bpf_trap here",
    fix("Initialise the variable.", "int value = 0;"),
  ),
];

/** What is passed to a global function; null where the message before says it better: of memory that is too small. */
function argumentsOfGlobal(match: RegExpExecArray, refusal: Refusal): Finding | null {
  const { log } = refusal;
  const caller = match[0].startsWith("Caller");
  const special = resultOfGlobal(refusal) ?? unsetArgument(refusal);
  if (special !== null) return special;
  if (caller && log.messages.some((message) => /^R\d+ offset is outside of the packet/.test(message)))
    return null;
  return {
    headline:
      "a global function has a parameter or result that the verifier cannot check, or gets an argument that it does not allow",
    need: "arguments of global functions are checked by their types alone",
    fixes: [
      fix(
        "Make the function static: it is then verified with each of its calls.",
        "static __noinline int work(struct ctx *ctx)",
      ),
      fix(
        "Or give its parameters types that can be checked: numbers, the context, pointers to complete structs; tags say more.",
        "int work(struct work *work __arg_nonnull)",
      ),
    ],
    ...(match[0].startsWith("Caller") ? { operand: "R1" } : {}),
  };
}

/** A global function that returns something other than a number. */
function resultOfGlobal(refusal: Refusal): Finding | null {
  const name = refusal.said(/^Global function (\S+?)(?:\(\))? doesn't return scalar/);
  if (name === null) return null;
  return {
    headline: `the global function ${name} returns no number, and global functions must return one`,
    need: `what ${name} returns is not known to its callers: it is verified on its own`,
    fixes: [
      fix(
        "Make it static: it is then verified with each of its calls, and may return a pointer, or nothing.",
        `static __noinline void *${name}(…)`,
      ),
      fix("Or return a number: int, and not a pointer or void.", `__noinline int ${name}(…)`),
    ],
  };
}

/** An argument that the compiler left out, because the function does not use its parameter. */
function unsetArgument(refusal: Refusal): Finding | null {
  const { log, history, last } = refusal;
  const register = refusal.said(/^R([1-5]) is not a scalar/);
  if (register === null || last === undefined || log.truncated) return null;
  const at = Number(register);
  const oldest = history.origin(at, last.position).at(-1);
  if (refusal.known(at) !== null || (oldest !== undefined && oldest.kind !== "clobbered")) return null;
  const name = refusal.said(/^Caller passes invalid args into func#\d+ \('(\w+)'\)/);
  const who = name ?? "a global function";
  return {
    headline: `argument ${at} of ${who} is not set: the compiler leaves out what the function does not use`,
    operand: `R${at}`,
    why: refusal.chain(
      at,
      `R${at} holds no value here, and ${who} is declared with ${at} parameters or more`,
      null,
    ),
    fixes: [
      fix(
        "Remove the parameter that is not used; or make the function static: then nobody asks for what it does not read.",
        `static __noinline int ${name ?? "work"}(…)`,
      ),
      fix(
        "Or use the parameter in the function: then its callers set it.",
        'asm volatile("" :: "r"(unused));',
      ),
    ],
  };
}

/** A pointer into an object, where the one to its start is wanted. */
function movedObject(register: number, refusal: Refusal): Finding {
  const { history, last } = refusal;
  const position = last?.position ?? 0;
  const call = callName(last?.effect.call ?? "");
  const name = refusal.variable(history.origin(register, position).at(-1)?.at, "ptr");
  return {
    headline: `${call} is given a pointer into an object, and wants the one to its start`,
    operand: `R${register}`,
    why: refusal.chain(
      register,
      "this needs the pointer as it was given out",
      causeOfMovedPointer(history, register, position),
    ),
    fixes: [
      fix("Pass the pointer as it was given out.", `${call}(${name}${/ringbuf/.test(call) ? ", 0" : ""});`),
    ],
  };
}

function constantString(refusal: Refusal, register?: number): Finding {
  const { last } = refusal;
  const call = callName(last?.effect.call ?? "");
  const line = last?.step.source?.text ?? "";
  const given = register === undefined ? null : argumentsIn(line, call);
  const text = given?.[register! - 1];
  const name = text !== undefined && /^\w+$/.test(text) ? text : "fmt";
  const need = "the text must lie in a frozen read-only map, as .rodata is";
  return {
    headline: "a format, or another text, must be a constant of the program that the verifier can read",
    ...(register === undefined
      ? { need: "the text must lie in .rodata, end with a 0 byte, and have conversions that BPF knows" }
      : {
          operand: `R${register}`,
          why: refusal.chain(register, need, causeOfType(refusal.history, register, last?.position ?? 0)),
        }),
    fixes: [
      fix(
        "Declare it static const: then it comes into .rodata, and not on the stack.",
        `static const char ${name}[] = "…";`,
      ),
      ...(call === "bpf_snprintf"
        ? [
            fix(
              "BPF_SNPRINTF of bpf_helpers.h does that by itself.",
              'BPF_SNPRINTF(out, sizeof(out), "pid %d", pid);',
            ),
          ]
        : []),
    ],
  };
}

/** A helper that does not take memory of the packet. */
function packetArgument(refusal: Refusal): Finding {
  const call = callName(refusal.last?.effect.call ?? "the call");
  const register = [1, 2, 3, 4, 5].find((each) => /^pkt/.test(refusal.known(each) ?? "")) ?? 1;
  const memory = prototypeArgument(refusal, register)?.type;
  return {
    headline: `argument ${register} of ${call} is a pointer into the packet, and ${call} takes none`,
    operand: `R${register}`,
    why: refusal.chain(register, "this helper does not take pointers into the packet", null),
    fixes:
      memory === undefined || /^ARG_PTR_TO_(?:MEM|MAP_KEY|MAP_VALUE)$/.test(memory)
        ? [
            fix(
              "Copy the bytes into a variable first, after the comparison with data_end, and pass that.",
              "__u8 copy[16];\n__builtin_memcpy(copy, pos, sizeof(copy));",
            ),
          ]
        : argumentFixes(refusal, register),
  };
}

function argumentType(match: RegExpExecArray, refusal: Refusal): Finding {
  const named = /\bR(\d+)/.exec(match.input)?.[1];
  const counted = /^arg#?(\d+)/.exec(match.input)?.[1];
  const register =
    named !== undefined ? Number(named) : Number(counted ?? 0) + (match.input.startsWith("arg#") ? 1 : 0);
  const now = valueText(refusal.known(register) ?? match[2] ?? "");
  const wanted =
    /expected(?: pointer to| for)?[= ](?:an? )?(.+?)(?: but .*)?$/.exec(match.input)?.[1] ??
    match[3] ??
    "another type";
  const call = callName(refusal.last?.effect.call ?? "the call");
  const structs = /expected pointer to \S+ (\S+) but R\d+ has a pointer to \S+ (\S+)/.exec(match.input);
  if (structs !== null) return structArgument(refusal, register, structs[1]!, structs[2]!);
  const words = wantedArgument(refusal, register) ?? listText(wanted);
  return {
    headline:
      now === words
        ? `argument ${register} of ${call} is not the kind of ${now.replace(/^an? /, "")} that is wanted`
        : `argument ${register} of ${call} is ${now}, where ${words} is wanted`,
    operand: `R${register}`,
    why: refusal.chain(
      register,
      `${call} wants ${words}`,
      causeOfType(refusal.history, register, refusal.last?.position ?? 0),
    ),
    fixes: argumentFixes(refusal, register),
  };
}

/** A pointer to a struct of the kernel, where one to another struct is wanted. */
function structArgument(refusal: Refusal, register: number, wanted: string, got: string): Finding {
  const call = callName(refusal.last?.effect.call ?? "the call");
  const [one, other] = [`struct ${wanted}`, `struct ${got}`];
  return {
    headline: `argument ${register} of ${call} is a pointer to ${other}, where one to ${one} is wanted`,
    operand: `R${register}`,
    why: refusal.chain(
      register,
      `${call} wants a pointer to ${one}, and got one to ${other}`,
      causeOfType(refusal.history, register, refusal.last?.position ?? 0),
    ),
    fixes: [
      fix(
        `Pass a pointer to ${one} that the verifier knows to be one: an argument of the tracepoint or function, a field, or what a function gives. A cast changes nothing.`,
        wanted === "task_struct" ? "struct task_struct *task = bpf_get_current_task_btf();" : null,
      ),
    ],
  };
}

function size(match: RegExpExecArray, refusal: Refusal, headline: string): Finding {
  const { history, last } = refusal;
  const register = Number(match[1] ?? 2);
  const range = rangeOf(refusal.known(register) ?? "");
  const low = /negative|zero/.test(match.input) && range.smin <= 0n;
  const cause = causeOfRange(history, register, last?.position ?? 0, low ? "low" : "high");
  return {
    headline,
    operand: `R${register}`,
    why: refusal.chain(register, "the size must be known to lie within what the pointer leads to", cause),
    fixes:
      exactOf(refusal.known(register) ?? "") !== null && last?.effect.call != null
        ? [sizeFix(refusal, last.effect.call, register - 1, null)]
        : unboundedSizeFixes(refusal, register, cause),
  };
}

function listText(types: string): string {
  const texts = [...new Set(types.split(", ").map((each) => valueText(each.replace(/\.$/, ""))))];
  return texts.length > 3 ? `${texts.slice(0, 3).join(", ")} …` : texts.join(" or ");
}
