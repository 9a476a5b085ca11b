import { boundFixes } from "./bound-fixes.ts";
import { callName } from "./cause.ts";
import { causeOfReach } from "./cause-access.ts";
import { skippedOver } from "./cause-value.ts";
import { chainOf, padded } from "./frames.ts";
import { effectOf } from "./instruction.ts";
import { mapArgument } from "./map-argument.ts";
import { bytesText } from "./number-text.ts";
import { otherInstructions } from "./program-text.ts";
import { type Finding, fix, plainRule, type Refusal, type Rule } from "./rule.ts";
import { sizeFix } from "./size-fix.ts";
import { unwrittenFixes } from "./unwritten-fixes.ts";

/** The program's stack. */
export const STACK_RULES: readonly Rule[] = [
  {
    code: "uninitialised-stack",
    patterns: [/^invalid (?:indirect )?read from stack/, /^uninit stack in range of var-offset write/],
    find: (match, refusal) => uninitialised(match.input, refusal),
  },
  {
    code: "stack-out-of-bounds",
    patterns: [
      /^invalid (?:zero-size )?(?:variable-offset )?(?:indirect )?(?:write to|access to|read from)? ?stack R(\d+)/,
      /^invalid stack type R(\d+)/,
      /^invalid stack off=-?\d+ size=\d+/,
    ],
    find: (match, refusal) => outOfStack(match, refusal),
  },
  {
    code: "stack-too-large",
    patterns: [
      /^combined stack size of (\d+) calls is (\d+)\. Too large/,
      /^stack size of subprog (\d+) is (\d+)\. Too large/,
      /^tail_calls are not allowed when call stack of previous frames is (\d+) bytes/,
      /^stack size (\d+)\(extra (\d+)\) is too large/,
    ],
    find: (match, refusal) => tooLarge(match, refusal),
  },
  {
    code: "call-chain-too-deep",
    patterns: [/^the call stack of (\d+) frames is too deep/],
    find: (_match, { last }) => ({
      headline: "functions call each other more than 8 deep, or one calls itself",
      // Where all was gone through before, no instruction of the log has to do with it.
      ...(last?.effect.operation === "call"
        ? { need: "this call would be one too many" }
        : { whole: true as const }),
      fixes: [
        fix("Make some of the functions inline.", "static __always_inline int step(struct ctx *ctx)"),
        fix("Replace a recursion by a loop with a fixed limit, or by a tail call."),
      ],
    }),
  },
  {
    code: "corrupted-spill",
    patterns: [
      /^attempt to corrupt spilled pointer on stack/,
      /^corrupted spill memory/,
      /^invalid size of register (?:spill|fill)/,
      /^leaking pointer from stack off/,
      /^spilled ptr in range of var-offset stack write/,
    ],
    find: (_match, refusal) => ({
      headline: "a pointer that lies on the stack is overwritten, or read, in part",
      why: refusal.steps(spill(refusal), "only the whole pointer, 8 bytes at once, may be accessed"),
      fixes: [
        fix(
          "Read and write pointers on the stack whole. Do not let them share their place with other variables (a union).",
        ),
      ],
    }),
  },
  plainRule(
    "stack-pointer-escapes",
    [
      /^cannot return stack pointer to the caller/,
      /^cannot spill pointers to stack into stack frame of the caller/,
    ],
    "a function hands a pointer to its own stack to its caller",
    "the stack of this function is gone when the caller uses it",
    fix(
      "Let the caller own the variable, and pass a pointer to it down.",
      "static int fill(struct state *state)",
    ),
  ),
];

function outOfStack(match: RegExpExecArray, refusal: Refusal): Finding {
  const { last } = refusal;
  const register = Number(match[1] ?? last?.effect.memory?.base ?? 10);
  const [, off, size] = /off=(-?\d+) size=(\d+)/.exec(match.input) ?? [];
  const offset = Number(off);
  const cause = register === 10 ? null : causeOfReach(refusal, register, match.input);
  const why = (need: string) => (register === 10 ? refusal.used(need) : refusal.chain(register, need, cause));
  const call = last?.effect.call ?? null;
  if (off === undefined || /var_off/.test(match.input) || /variable-offset/.test(match.input)) {
    return {
      headline: "an array on the stack is accessed at an index that may lie outside of it",
      operand: `R${register}`,
      why: why("the whole range of the index must lie within what the program has on the stack"),
      fixes: boundFixes(refusal, register, cause),
    };
  }
  const reach = `${bytesText(Number(size))} from fp${offset > 0 ? `+${offset}` : offset} on`;
  if (call !== null && offset < 0 && offset >= -MAX_STACK) {
    const room = -offset;
    return {
      headline: `${callName(call)} is told that a buffer on the stack has ${bytesText(Number(size))}, and it has no more than ${room}`,
      operand: `R${register}`,
      why: why(`${reach} reach beyond the end of the function's stack`),
      fixes: [sizeFix(refusal, call, register, room)],
    };
  }
  const below = offset < -MAX_STACK;
  return {
    headline: below
      ? `the variables of a function need more than its ${MAX_STACK} bytes of stack`
      : "the access lies outside of the function's stack",
    operand: `R${register}`,
    why: why(`${reach}, where the function has those from fp-${MAX_STACK} up to fp0 (r10)`),
    fixes: [
      ...(below
        ? []
        : [
            fix(
              "Access no more than the variable has: see where the pointer was moved, and how large what it points at is.",
            ),
          ]),
      fix(
        "Make large variables values of a per-CPU array map of one element.",
        'struct {\n\t__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);\n\t__uint(max_entries, 1);\n\t__type(key, __u32);\n\t__type(value, struct scratch);\n} scratch SEC(".maps");',
      ),
    ],
  };
}

/** A function's stack, and that of all functions on a chain of calls: `MAX_BPF_STACK`. */
const MAX_STACK = 512;
/** With a tail call, what the functions in front may have. */
const MAX_BEFORE_TAIL_CALL = 256;

function tooLarge(match: RegExpExecArray, refusal: Refusal): Finding {
  const { log, program } = refusal;
  const [message, first = "", second = ""] = match;
  const scratch = (name: string) =>
    fix(
      `Keep large variables of ${name} in a per-CPU array map of one element instead of on the stack.`,
      'struct {\n\t__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);\n\t__uint(max_entries, 1);\n\t__type(key, __u32);\n\t__type(value, struct scratch);\n} scratch SEC(".maps");\n…\n__u32 zero = 0;\nstruct scratch *s = bpf_map_lookup_elem(&scratch, &zero);\nif (!s)\n\treturn 0;',
    );
  if (message.startsWith("tail_calls")) {
    return {
      headline: `a tail call is made where the functions that lead to it have ${first} bytes of stack: ${MAX_BEFORE_TAIL_CALL} are allowed`,
      whole: true,
      fixes: [
        fix("Make the tail call in the entry function, or in one that is called with less on the stack."),
        scratch("the functions that lead to it"),
      ],
    };
  }
  if (!message.startsWith("combined")) {
    const index = message.startsWith("stack size of") ? Number(first) : 0;
    const name = program.functions?.[index]?.name ?? (index === 0 ? "the program" : "a function");
    const size = message.startsWith("stack size of") ? second : first;
    return {
      headline: `${name} needs ${size} bytes of stack, and may have ${MAX_STACK}`,
      whole: true,
      fixes: [scratch(name)],
    };
  }
  const headline = `${first} functions, each called by the one before, need ${second} bytes of stack together, and may have ${MAX_STACK}`;
  const chain = chainOf(log, program, Number(first), Number(second));
  if (chain === null) return { headline, whole: true, fixes: [scratch("the largest of them"), INLINE] };
  const largest = chain.reduce((most, frame) => (frame.bytes > most.bytes ? frame : most));
  const why = chain.map((frame, i) => {
    const size = `${frame.name} has ${frame.bytes} bytes of stack${padded(frame.bytes) === frame.bytes ? "" : ` (${padded(frame.bytes)}, padded)`}`;
    const next = chain[i + 1];
    return next === undefined
      ? refusal.stepAt(frame.slot, "used", `${size}: ${second} in all`)
      : refusal.stepAt(frame.call!, frame === largest ? "lost" : "passed", `${size}, and calls ${next.name}`);
  });
  return { headline, whole: true, why, fixes: [scratch(largest.name), INLINE] };
}

const INLINE = fix(
  "Or let functions whose variables are never needed at the same time be called one after the other, not one by the other.",
);

/** Where the pointer was put on the stack that is now touched in part. */
function spill({ history, last }: Refusal) {
  const slot = last?.stack;
  if (slot == null) return null;
  const at = history.path.findLast(
    ({ stack, effect, position }) =>
      position < last!.position &&
      effect.memory?.store === true &&
      stack?.frame === slot.frame &&
      Math.floor(stack.offset / 8) === Math.floor(slot.offset / 8),
  );
  return at === undefined ? null : { at, text: "the pointer is kept here" };
}

function uninitialised(message: string, refusal: Refusal): Finding {
  const place = /off (-?\d+)\+(-?\d+) size (\d+)/.exec(message) ?? /off=?(-?\d+)/.exec(message);
  const { last } = refusal;
  const register = Number(/\bR(\d+)/.exec(message)?.[1] ?? last?.effect.memory?.base ?? 10);
  const first = place === null ? null : Number(place[1]) + Number(place[2] ?? 0);
  const size = Number(place?.[3] ?? /size[ =](\d+)/.exec(message)?.[1]);
  const argument = last?.effect.operation === "call" && size > 0 ? mapArgument(refusal, register) : null;
  const whole =
    argument === null
      ? ""
      : `${callName(last!.effect.call!)} reads a ${argument.what} of ${bytesText(size)}, as those of ${argument.map ?? "the map"} are: `;
  const need =
    first === null
      ? `${whole}some of these bytes were never written on this path`
      : `${whole}the bytes from fp${first} on were never written on this path`;
  // A store to this slot that the path does not go through.
  const skipped =
    first === null
      ? null
      : skippedOver(refusal.history, otherInstructions(refusal), (text) => {
          const { memory } = effectOf(text);
          return (
            memory?.store === true &&
            memory.base === 10 &&
            memory.offset <= first &&
            memory.offset + memory.size > first
          );
        });
  const cause =
    skipped === null ? null : { at: skipped, text: "this path jumps past the store that writes it" };
  return {
    headline: "stack is read that the program has not written",
    operand: `R${register}`,
    why: register === 10 ? refusal.steps(cause, need) : refusal.chain(register, need, cause),
    fixes: unwrittenFixes(
      refusal,
      argument,
      first === null ? null : { start: Number(place![1]), size, written: first - Number(place![1]) },
    ),
  };
}
