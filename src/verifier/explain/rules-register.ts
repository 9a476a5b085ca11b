import { type Finding, fix, type Refusal, type Rule } from "./rule.ts";
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
      /^At (?:program exit|callback return|subprogram exit|async callback return) the register (R\d+) has (.*?) should have been in \[(-?\d+), (-?\d+)\]/,
      /^At (?:program exit|callback return) the register (R\d+) has value \((.*)\) should have been in/,
    ],
    find: (match, refusal) => ({
      headline:
        match[3] === undefined
          ? "the program returns a value that its type does not allow"
          : `the program returns a value that may lie outside of [${match[3]}, ${match[4]}]`,
      operand: match[1]!,
      why: refusal.chain(0, `R0 has ${match[2]}`),
      fixes: [
        fix(
          "Return only what the program type allows, as a constant where that is possible.",
          match[3] === undefined ? "return 0;" : `return ${match[3]};`,
        ),
      ],
    }),
  },
  {
    code: "pointer-arithmetic",
    patterns: [
      /^R(\d+) pointer arithmetic (?:on|with) (.+) prohibited/,
      /^R(\d+) pointer arithmetic with (\S+) operator prohibited/,
      /^R(\d+) tried to subtract pointer from scalar/,
      /^R(\d+) subtraction from stack pointer prohibited/,
      /^R(\d+) pointer \+= pointer prohibited/,
      /^R(\d+) bitwise operator \S+ on pointer prohibited/,
    ],
    find: (match, refusal) => ({
      headline: "arithmetic is done on a pointer that the verifier cannot follow",
      operand: `R${match[1]}`,
      why: refusal.chain(Number(match[1]), "this operation is not allowed on such a pointer"),
      fixes: [
        fix(
          "Only add bounded numbers to pointers into memory, and subtract packet pointers from each other. Copy a pointer's value into a number (`__u64`) where only its bits are wanted (this needs CAP_PERFMON).",
        ),
      ],
    }),
  },
  {
    code: "narrow-pointer-arithmetic",
    patterns: [/^R(\d+) 32-bit pointer arithmetic prohibited/, /^R(\d+) partial copy of pointer/],
    find: (match, refusal) => ({
      headline: "a pointer is used with its low 32 bits only",
      operand: `R${match[1]}`,
      why: refusal.chain(Number(match[1]), "half a pointer leads nowhere"),
      fixes: [
        fix(
          "Use 64-bit variables for pointers and for what is added to them: an `int` makes the compiler cut it off.",
        ),
      ],
    }),
  },
  {
    code: "pointer-leak",
    patterns: [/^R(\d+) leaks addr(?:ess)? (?:into|as) (.+)/, /^R(\d+) leaks addr/],
    find: (match, refusal) => ({
      headline: "an address of the kernel would become visible to user space",
      operand: `R${match[1]}`,
      why: refusal.chain(Number(match[1]), "a pointer may not be stored or returned here"),
      fixes: [
        fix(
          "Store or return the data that the pointer leads to, not the pointer. (With CAP_PERFMON addresses may be stored in maps.)",
        ),
      ],
    }),
  },
  {
    code: "pointer-comparison",
    patterns: [/^R(\d+) pointer comparison prohibited/],
    find: (match, refusal) => ({
      headline: "a pointer is compared with something that is not comparable",
      operand: `R${match[1]}`,
      why: refusal.chain(
        Number(match[1]),
        "without CAP_PERFMON only comparisons with NULL, or of packet pointers with each other, are allowed",
      ),
      fixes: [fix("Compare with NULL, or compare packet pointers with data_end.")],
    }),
  },
  {
    code: "different-pointers",
    patterns: [/^same insn cannot be used with different pointers/],
    find: (_match, refusal) => {
      const register = refusal.last?.effect.reads[0] ?? 0;
      return {
        headline: "one instruction accesses different kinds of memory, depending on the path",
        operand: `R${register}`,
        why: refusal.chain(register, "on another path this register is another kind of pointer"),
        fixes: [
          fix(
            "Make the access in each branch, where the pointer is of one kind: the compiler has merged them.",
            'asm volatile("");\t/* keeps the branches apart */',
          ),
        ],
      };
    },
  },
  {
    code: "frame-pointer-write",
    patterns: [/^frame pointer is read only/],
    find: () => ({
      headline: "the frame pointer r10 is written",
      fixes: [fix("Copy r10 into another register, and change that.", "r2 = r10; r2 += -8")],
    }),
  },
  {
    code: "division-by-zero",
    patterns: [/^div by zero/],
    find: () => ({
      headline: "a number is divided by the constant 0",
      fixes: [fix("Divide by another constant.")],
    }),
  },
  {
    code: "invalid-shift",
    patterns: [/^invalid shift (-?\d+)/],
    find: (match) => ({
      headline: `a number is shifted by ${match[1]}, which is more than it has bits`,
      fixes: [fix("Shift by less than 64, or than 32 for 32-bit arithmetic.")],
    }),
  },
];

function uninitialised(register: number, refusal: Refusal): Finding {
  const { last } = refusal;
  const links = last === undefined ? [] : refusal.history.origin(register, last.position);
  const lostAt = links.find(({ kind }) => kind === "clobbered");
  const isExit = last?.effect.operation === "exit";
  if (isExit && register === 0) {
    return {
      headline: "the program ends without a return value",
      operand: "R0",
      why: refusal.chain(0, "R0 holds no value here"),
      fixes: [fix("Return a value on every path.", "return 0;")],
    };
  }
  const known = lostAt === undefined ? "it was never written on this path" : "the call did not keep it";
  return {
    headline: `R${register} is read, but holds no value: ${known}`,
    operand: `R${register}`,
    why: refusal.chain(register, `R${register} is read here`),
    fixes: [
      lostAt === undefined
        ? fix("Initialise the variable on every path that leads here.", "int value = 0;")
        : fix(
            "Keep what is needed behind the call in r6 to r9, or on the stack; in C, use the variable again instead of the register.",
          ),
    ],
  };
}

/** What a register is, for headlines. */
export function typeOf(refusal: Refusal, register: number): string {
  const known = refusal.history.known(register, refusal.last?.position ?? 0);
  return known === null ? `R${register}` : valueText(known);
}
