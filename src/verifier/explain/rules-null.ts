import { birthOf, type Cause, callName } from "./cause.ts";
import { causeOfType, skippedOver } from "./cause-value.ts";
import { otherInstructions } from "./program-text.ts";
import { type Finding, fix, type Refusal, type Rule } from "./rule.ts";
import { exactOf } from "./value-range.ts";
import { valueText } from "./value-text.ts";

/** Pointers that may be NULL. */
export const NULL_RULES: readonly Rule[] = [
  {
    code: "null-pointer",
    patterns: [
      /^R(\d+) invalid mem access '([a-z_]*_or_null_?)/,
      /^R(\d+) pointer arithmetic on ([a-z_]*_or_null_?) prohibited, null-check it first/,
      /^R(\d+) type=([a-z_]*_or_null_?) expected=/,
    ],
    find: (match, refusal) => unchecked(Number(match[1]), match[2]!, refusal),
  },
  {
    code: "null-argument",
    patterns: [
      /^Possibly NULL pointer passed to (trusted )?arg(\d)/,
      /^Possibly NULL pointer passed to (helper )?arg(\d)/,
      /^arg#(\d) is expected to be non-NULL/,
    ],
    find: (match, refusal) => {
      const number = Number(match[2] ?? match[1]);
      // Arguments of kernel functions and of functions of the program are counted from 0, those of helpers from 1.
      return argument(match[0].includes("helper") ? number : number + 1, refusal);
    },
  },
  {
    code: "null-dereference",
    patterns: [/^R(\d+) invalid mem access '(?:scalar|inv|imm|unknown_value)'/],
    find: (match, refusal) => {
      const register = Number(match[1]);
      if (!isNull(refusal, register)) return null;
      return {
        headline: "a pointer is used on the path where it is NULL",
        operand: `R${register}`,
        why: refusal.chain(
          register,
          `R${register} is NULL on this path`,
          causeOfType(refusal.history, register, refusal.last?.position ?? 0),
        ),
        fixes: [
          fix("Leave before this instruction where the pointer is NULL.", "if (!ptr)\n\treturn 0;"),
          fix(
            "Where a test is there, see whether it is the right way round, and whether all of its paths leave.",
          ),
        ],
      };
    },
  },
];

/** A register that is exactly 0 where it is used as a pointer. */
function isNull(refusal: Refusal, register: number): boolean {
  const known = refusal.known(register);
  return known !== null && exactOf(known) === 0n;
}

function argument(register: number, refusal: Refusal): Finding {
  const known = refusal.known(register);
  if (known !== null && exactOf(known) === 0n) {
    const { history, last } = refusal;
    return {
      headline: `argument ${register} of the call is NULL, and must not be`,
      operand: `R${register}`,
      why: refusal.chain(
        register,
        `${callName(last?.effect.call ?? "")} does not take NULL here`,
        causeOfType(history, register, last?.position ?? 0),
      ),
      fixes: [fix("Pass a pointer to an object.")],
    };
  }
  return unchecked(register, "", refusal);
}

function unchecked(register: number, type: string, refusal: Refusal): Finding {
  const { last, history } = refusal;
  const what = valueText(refusal.known(register) ?? type).replace(" that may be NULL", "");
  const shift = last?.effect.operation === "alu" && !/^[+-]?=$/.test(last.effect.operator);
  const cause = shift ? null : (skippedTest(refusal, register) ?? origin(refusal, register));
  const parameter = history.origin(register, last?.position ?? 0).every(({ kind }) => kind === "copied");
  const need = shift
    ? "this arithmetic is not allowed on pointers, tested for NULL or not"
    : `R${register} may still be NULL here`;
  const tested = testedOther(refusal, register);
  return {
    headline: `${what} is used without a test for NULL`,
    operand: `R${register}`,
    why: refusal.chain(register, need, cause),
    fixes: [
      fix(
        "Test the pointer before it is used, on the path to this instruction.",
        `if (!${refusal.variable(birthOf(history.origin(register, last?.position ?? 0))?.at, "ptr")})\n\treturn 0;`,
      ),
      ...(parameter
        ? [
            fix(
              "Where it is a parameter of a global function, which is verified on its own: make the function static, or tag the parameter (Linux 6.8).",
              "__noinline int work(struct value *value __arg_nonnull)",
            ),
          ]
        : []),
      ...(tested === null
        ? []
        : [
            fix(
              `The test at instruction ${tested} is of another pointer: a second lookup is another pointer, also of the same key.`,
            ),
          ]),
    ],
  };
}

function origin({ history, last }: Refusal, register: number): Cause | null {
  const links = history.origin(register, last?.position ?? 0);
  const birth = birthOf(links) ?? links.at(-1);
  if (birth === undefined) return null;
  const { at, place } = birth;
  const { call } = at.effect;
  if (call !== null && !call.startsWith("pc"))
    return {
      at,
      text: `${callName(call)} gives a pointer or NULL, in ${place}; nothing tests it on this path`,
    };
  return { at, text: `${place} comes from here and may be NULL; nothing tests it on this path` };
}

/** A branch that goes round the test of this very pointer. */
function skippedTest(refusal: Refusal, register: number): Cause | null {
  const { history, last } = refusal;
  const id = /id=(\d+)/.exec(refusal.known(register) ?? "")?.[1];
  if (id === undefined || last === undefined) return null;
  const skipped = skippedOver(history, otherInstructions(refusal), (text, at) => {
    const tested = /^if r(\d+) [!=]= 0x0 /.exec(text)?.[1];
    const known = tested === undefined ? null : history.known(Number(tested), at);
    return known !== null && /_or_null/.test(known) && /id=(\d+)/.exec(known)?.[1] === id;
  });
  return skipped === null ? null : { at: skipped, text: "on this side the test for NULL is not reached" };
}

/** A comparison with NULL of some other pointer that might be NULL: perhaps the one that was meant. */
function testedOther({ history, last }: Refusal, register: number): number | null {
  const mine = /id=(\d+)/.exec(history.known(register, last?.position ?? 0) ?? "")?.[1];
  const test = history.path.findLast(({ effect, position }) => {
    if (effect.operation !== "branch" || effect.constant !== 0n || effect.reads.length !== 1) return false;
    const value = history.known(effect.reads[0]!, position);
    return value !== null && /_or_null/.test(value) && /id=(\d+)/.exec(value)?.[1] !== mine;
  });
  return test?.step.index ?? null;
}
