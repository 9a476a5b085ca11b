import { type Finding, fix, type Refusal, type Rule } from "./rule.ts";
import { valueText } from "./value-text.ts";

/** Pointers that may be NULL. */
export const NULL_RULES: readonly Rule[] = [
  {
    code: "null-pointer",
    patterns: [
      /^R(\d+) invalid mem access '([a-z_]*_or_null_?)'/,
      /^R(\d+) invalid mem access '([a-z_]*_or_null_?)/,
      /^R(\d+) pointer arithmetic on ([a-z_]*_or_null_?) prohibited, null-check it first/,
      /^R(\d+) type=([a-z_]*_or_null_?) expected=/,
    ],
    find: (match, refusal) => unchecked(Number(match[1]), match[2]!, refusal),
  },
  {
    code: "null-argument",
    patterns: [
      /^Possibly NULL pointer passed to (?:trusted )?arg(\d)/,
      /^Possibly NULL pointer passed to helper arg(\d)/,
    ],
    find: (match, refusal) => {
      const register = Number(match[1]) + (match[0].includes("helper") ? 0 : 1);
      return unchecked(register, "", refusal);
    },
  },
];

function unchecked(register: number, type: string, refusal: Refusal): Finding {
  const known = refusal.history.known(register, refusal.last?.position ?? 0);
  const what = valueText(known ?? type).replace(" that may be NULL", "");
  const why = refusal.chain(register, `R${register} is used, and may still be NULL here`, {
    made: ({ at, place }) =>
      at.effect.call === null
        ? `${place} comes from here, and may be NULL`
        : `${at.effect.call} gives a pointer or NULL, in ${place}`,
  });
  return {
    headline: `${what} is used without a test for NULL`,
    operand: `R${register}`,
    why,
    fixes: [
      fix("Test the pointer before it is used, on the path to this instruction.", "if (!ptr)\n\treturn 0;"),
      fix(
        "Where it was tested, test the very variable that is used: a second lookup, or a copy made before the test, is another pointer.",
      ),
    ],
  };
}
