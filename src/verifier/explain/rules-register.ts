import { arrayOf } from "./bound-fixes.ts";
import { callName } from "./cause.ts";
import { causeOfRange } from "./cause-number.ts";
import { causeOfMissing, skippedOver } from "./cause-value.ts";
import { effectOf } from "./instruction.ts";
import type { PathStep } from "./path-step.ts";
import { otherInstructions } from "./program-text.ts";
import { type Finding, fix, plainRule, type Refusal, type Rule } from "./rule.ts";
import { valueText } from "./value-text.ts";

/** Registers and arithmetic on pointers. */
export const REGISTER_RULES: readonly Rule[] = [
  {
    code: "uninitialised-register",
    patterns: [/^R(\d+) !read_ok/],
    find: (match, refusal) => uninitialised(Number(match[1]), refusal),
  },
  {
    code: "return-value",
    patterns: [
      /^At .*? the register (R\d+) has (.*?) ?should have been in \[(-?\d+), (-?\d+)\]/,
      /^At .*? the register (R\d+) (?:is not a known value|is not a scalar value|has)/,
      /^(R0) not a scalar value/,
    ],
    find: (match, refusal) => {
      const register = Number(match[1]!.slice(1));
      const cause = causeOfRange(refusal.history, register, refusal.last?.position ?? 0, "both");
      return {
        headline:
          match[3] === undefined
            ? "the program, or a function, returns something that is not allowed there"
            : match[3] === match[4]
              ? `the program, or a callback, may return something other than ${match[3]}`
              : `the program, or a callback, returns a value that may lie outside of ${match[3]} to ${match[4]}`,
        operand: match[1]!,
        why: refusal.chain(register, returned(match[1]!, match[2], refusal.known(register)), cause),
        fixes: returnFixes(match[3], match[4]),
      };
    },
  },
  {
    code: "narrow-pointer-arithmetic",
    patterns: [
      /^R(\d+) 32-bit pointer arithmetic prohibited/,
      /^R(\d+) partial copy of pointer/,
      /^R(\d+) sign-extension part of pointer/,
    ],
    find: (match, refusal) =>
      refused(
        match,
        refusal,
        "a pointer is used with its low 32 bits only",
        "this keeps half of the pointer",
        fix(
          "Use 64-bit variables for pointers and for what is added to them: an `int` makes the compiler cut it off.",
          "__u64 offset = …;\nptr = base + offset;",
        ),
      ),
  },
  {
    code: "unprivileged-arithmetic",
    patterns: [
      /^R(\d+) has unknown scalar with mixed signed bounds/,
      /^R(\d+) has pointer with unsupported alu operation/,
      /^R(\d+) tried to (?:add|sub) (?:from different maps|beyond pointer)/,
      /^R(\d+) could not be pushed for speculative verification/,
      /^R(\d+) pointer arithmetic of map value goes out of range/,
      /^R(\d+) .*prohibited for !root/,
    ],
    find: (match, refusal) =>
      / variable (?:offset )?stack access /.test(match.input)
        ? variableStack(match, refusal)
        : refused(
            match,
            refusal,
            "whoever may not see the kernel's addresses must keep this arithmetic within the object",
            "a CPU that guesses wrong could read memory of the kernel through this",
            fix(
              "Bound the number from both sides before it is added, or load with CAP_PERFMON.",
              "if (index > 15)\n\treturn 0;",
            ),
          ),
  },
  {
    code: "pointer-arithmetic",
    patterns: [
      /^R(\d+) pointer arithmetic/,
      /^R(\d+) tried to subtract pointer from scalar/,
      /^R(\d+) subtraction from stack pointer prohibited/,
      /^R(\d+) pointer \S+ pointer prohibited/,
      /^R(\d+) bitwise operator \S+ on pointer prohibited/,
    ],
    find: (match, refusal) =>
      refused(
        match,
        refusal,
        "arithmetic is done on a pointer that the verifier cannot follow",
        "this operation is not allowed on such a pointer",
        fix(
          "Only add bounded numbers to pointers into memory, and subtract packet pointers from each other.",
          "ptr = base + (index & 0xf);",
        ),
        fix(
          "Pointers to sockets, maps and the like stay as they are: use their own helpers, or access fields at constant offsets.",
        ),
      ),
  },
  {
    code: "pointer-leak",
    patterns: [/^R(\d+) leaks addr/],
    find: (match, refusal) =>
      refused(
        match,
        refusal,
        "an address of the kernel would become visible outside of the program",
        "a pointer may not go there",
        fix(
          "Store or return the data that the pointer leads to, not the pointer. With CAP_PERFMON addresses may be stored in maps.",
          "value = *ptr;",
        ),
      ),
  },
  {
    code: "pointer-comparison",
    patterns: [/^R(\d+) pointer comparison prohibited/],
    find: (match, refusal) =>
      refused(
        match,
        refusal,
        "a pointer is compared with something that it may not be compared with",
        "without CAP_PERFMON only comparisons with NULL, or of packet pointers with each other, are allowed",
        fix("Compare with NULL, or packet pointers with data_end.", "if (!ptr)\n\treturn 0;"),
      ),
  },
  {
    code: "different-pointers",
    patterns: [/^same insn cannot be used with different pointers/],
    find: (_match, refusal) => different(refusal),
  },
  plainRule(
    "frame-pointer-write",
    [/^frame pointer is read only/],
    "the frame pointer r10 is written",
    "r10 stays what it is",
    fix("Copy r10 into another register, and change that.", "r2 = r10\nr2 += -8"),
  ),
  plainRule(
    "division-by-zero",
    [/^div by zero/],
    "a number is divided by the constant 0",
    "the divisor is 0",
    fix("Divide by another constant. (Where a variable is 0 when the program runs, the result is 0.)"),
  ),
  plainRule(
    "invalid-shift",
    [/^invalid shift (-?\d+)/],
    "a number is shifted by more than it has bits, or by less than 0",
    "the distance is out of range",
    fix("Shift by less than 64, or than 32 in 32-bit arithmetic.", "value = x >> 31;"),
  ),
  plainRule(
    "may-goto",
    [/^invalid may_goto imm/],
    "a may_goto has fields that it must not have",
    "its number must be 0",
    fix("Write it as can_loop or cond_break of bpf_experimental.h.", "for (i = 0; i < n && can_loop; i++)"),
  ),
];

/** `smin=4 smax=4`, `unknown scalar value`, as the message has it. */
function returned(name: string, limits: string | undefined, known: string | null): string {
  if (limits === undefined) return `${name} is ${valueText(known ?? "")} here`;
  const [, low, high] = /smin=(-?\d+)(?: smax=(-?\d+))?/.exec(limits) ?? [];
  if (low !== undefined && low === high) return `${name} is ${low} here`;
  if (low !== undefined && high !== undefined) return `${name} can be ${low} to ${high} here`;
  return `${name} can be any number here`;
}

function refused(
  match: RegExpExecArray,
  refusal: Refusal,
  headline: string,
  need: string,
  ...fixes: Finding["fixes"]
): Finding {
  const register =
    match[1] === undefined
      ? (refusal.last?.effect.memory?.base ?? refusal.last?.effect.writes ?? 0)
      : Number(match[1]);
  return { headline, operand: `R${register}`, why: refusal.chain(register, need, null), fixes };
}

function uninitialised(register: number, refusal: Refusal): Finding {
  const { last, history } = refusal;
  const missing = last === undefined ? null : causeOfMissing(history, register, last.position);
  const skipped =
    missing !== null
      ? null
      : skippedOver(history, otherInstructions(refusal), (text) => {
          const { writes, operation } = effectOf(text);
          return writes === register && operation !== "call";
        });
  const cause =
    missing ??
    (skipped === null ? null : { at: skipped, text: `this path jumps past what sets R${register}` });
  if (last?.effect.operation === "exit" && register === 0) {
    return {
      headline: "the program ends without a return value",
      operand: "R0",
      why: refusal.chain(0, "R0 holds no value here", cause),
      fixes: [fix("Return a value on every path.", "return 0;")],
    };
  }
  const clobbered = missing !== null && /keep/.test(missing.text);
  const call = clobbered ? missing.at.effect.call : null;
  const who = call === null ? "a load from the packet" : `the call of ${callName(call)}`;
  return {
    headline: `R${register} is read, but holds no value: ${clobbered ? `${who} did not keep it` : "nothing was written to it on this path"}`,
    operand: `R${register}`,
    why: refusal.chain(register, `R${register} is read here`, cause),
    fixes: [
      cause !== null && /keep/.test(cause.text)
        ? fix(
            "Keep what is needed after a call in r6 to r9, or on the stack (in C: a variable, not a parameter of inline assembly).",
            "r6 = r1\ncall …\nr1 = r6",
          )
        : fix("Initialise the variable on every path that leads here.", "int value = 0;"),
    ],
  };
}

/** The stack at an index: refused to who has no CAP_PERFMON, whatever bounds the index. */
function variableStack(match: RegExpExecArray, refusal: Refusal): Finding {
  const { last } = refusal;
  const array = arrayOf(refusal, last?.effect.memory?.base ?? last?.effect.writes ?? -1);
  const name = array ?? "buf";
  return refused(
    match,
    refusal,
    "the stack is accessed at a variable index, and who loads without CAP_PERFMON may do so at constant ones alone",
    "a CPU that guesses wrong could go past any bound: no bound of the index is enough for the stack",
    fix(
      `Put ${array === null ? "the array" : array} in the value of a map of one element: there an index with a bound is allowed.`,
      `struct scratch {\n\t__u8 ${name}[SIZE];\n};\nstruct {\n\t__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);\n\t__uint(max_entries, 1);\n\t__type(key, __u32);\n\t__type(value, struct scratch);\n} scratch SEC(".maps");\n…\n__u32 zero = 0;\nstruct scratch *s = bpf_map_lookup_elem(&scratch, &zero);\nif (!s)\n\treturn 0;`,
    ),
    fix(
      "Or use constant indexes: those of a loop that the compiler unrolls are.",
      "#pragma unroll\nfor (int i = 0; i < 16; i++)",
    ),
    fix("Or load with CAP_PERFMON besides CAP_BPF.", "setcap cap_bpf,cap_perfmon=ep ./loader"),
  );
}

function different(refusal: Refusal): Finding {
  const register = refusal.last?.effect.memory?.base ?? refusal.last?.effect.reads[0] ?? 0;
  const other = refusal.paths.otherWay();
  const parting = other === null ? null : partingOf(refusal, other);
  const chain = refusal.chain(
    register,
    `on this path R${register} is ${valueText(refusal.known(register) ?? "")}, on another one it is not`,
    parting === null
      ? null
      : { at: parting, text: "here this path parts from the one on which the pointer is of another kind" },
  );
  return {
    headline: "one instruction accesses different kinds of memory, depending on the path",
    operand: `R${register}`,
    why: chain,
    fixes: [
      fix(
        "Make the access in each branch, where the pointer is of one kind; where the compiler has merged them, a barrier keeps them apart.",
        'asm volatile("" ::: "memory");',
      ),
    ],
  };
}

/** The last instruction that two paths have in common before they part. */
function partingOf({ history }: Refusal, other: readonly PathStep["step"][]): PathStep | null {
  let common = -1;
  while (common + 1 < other.length && history.path[common + 1]?.step === other[common + 1]) common++;
  return history.path[common] ?? null;
}

/** How to return what is allowed: a constant; or, where the range is one of bits, the value without others. */
function returnFixes(lowest: string | undefined, highest: string | undefined): Finding["fixes"] {
  // 0 says in most programs that nothing is wrong.
  const zero = BigInt(lowest ?? 0) <= 0n && BigInt(highest ?? 0) >= 0n;
  const constant = fix(
    "Return what is allowed, as a constant where that is possible.",
    `return ${zero ? 0 : lowest};`,
  );
  const mask = BigInt(highest ?? 0);
  if (lowest !== "0" || mask === 0n || (mask & (mask + 1n)) !== 0n) return [constant];
  return [constant, fix("Or cut the value off.", `return result & ${mask};`)];
}
