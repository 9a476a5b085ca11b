import type { Cause } from "./cause.ts";
import type { ValueLink } from "./history.ts";
import type { IndexName } from "./index-name.ts";
import { type Finding, fix } from "./rule.ts";

/** The variable cut off by a mask: in its place where it is more than a variable of the program. */
export function maskFix({ text, used }: IndexName, mask: number): Finding["fixes"][number] {
  const words = "Or cut it off with a constant mask.";
  if (/^\w+$/.test(text) || used === null)
    return fix(words, `${/^\w+$/.test(text) ? text : "index"} &= ${mask};`);
  // What is masked in its place changes nothing else.
  const { line, subscript } = used;
  const masked = `${/ /.test(text) ? `(${text})` : text} & ${mask}`;
  const inside = text === subscript ? masked : subscript.replace(text, () => `(${masked})`);
  return fix(
    words,
    line.replace(`[${subscript}]`, () => `[${inside}]`),
  );
}

/** A remainder that the verifier cannot follow, as a mask. */
export function remainderFix({ text, used }: IndexName, mask: number): Finding["fixes"][number] {
  const words = "Use a power of two, and a mask instead of the remainder.";
  const divided = /^(.+) % \w+$/.exec(used?.subscript ?? "")?.[1];
  if (used === null || divided === undefined)
    return fix(words, `${/^\w+$/.test(text) ? text : "index"} = hash & ${mask};`);
  return fix(
    words,
    used.line.replace(`[${used.subscript}]`, () => `[${divided} & ${mask}]`),
  );
}

/** The largest mask of low bits that lets nothing larger pass. */
export function largestMask(most: number): number {
  let mask = 0;
  while (mask * 2 + 1 <= most) mask = mask * 2 + 1;
  return mask;
}

/** The lines that a number went through, that of the cause first. */
export function linesOf(cause: Cause | null, links: readonly ValueLink[]): readonly string[] {
  return [cause?.at, ...links.map((link) => link.at)].map((at) => at?.step.source?.text ?? "");
}

/** A line with the mask as it should be; the compiler may have scaled what the program has. */
export function correctedMask(
  lines: readonly string[],
  old: bigint,
  scale: number,
  mask: number,
): string | null {
  for (const line of lines) {
    const corrected = withMask(line, old, mask) ?? withMask(line, old / BigInt(scale), mask);
    if (corrected !== null) return corrected;
  }
  return null;
}

/** The line of source with another mask; null where it does not show the mask. */
export function withMask(line: string, old: bigint, mask: number): string | null {
  let found = 0;
  const changed = line.replaceAll(/& ?(0[xX][0-9a-fA-F]+|\d+)\b/g, (text, number: string) => {
    if (BigInt(number) !== old) return text;
    found++;
    return `& ${number.startsWith("0") && number.length > 1 ? `0x${mask.toString(16)}` : mask}`;
  });
  return found === 1 ? changed : null;
}
