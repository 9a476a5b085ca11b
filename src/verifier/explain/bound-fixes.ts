import type { Cause } from "./cause.ts";
import type { History, ValueLink } from "./history.ts";
import { limitsOf, type NumberLimits, numberBehind } from "./index-bound.ts";
import { givesIndex, type IndexName, indexName } from "./index-name.ts";
import { correctedMask, largestMask, linesOf, maskFix, remainderFix, withMask } from "./mask-fix.ts";
import { roomOf } from "./room.ts";
import { type Finding, fix, type Refusal } from "./rule.ts";
import { rangeOf } from "./value-range.ts";

/** A mask where nothing says how many elements there are. */
const SOME_MASK = 7;

/** How to bound the variable that is added to a pointer, with the very number where the log tells enough. */
export function boundFixes(refusal: Refusal, register: number, cause: Cause | null): Finding["fixes"] {
  const room = roomOf(refusal, register);
  const lines = room === null ? [] : linesOf(cause, room.links);
  const written = (mask: bigint) => lines.some((line) => withMask(line, mask, 0) !== null);
  const named = (link: ValueLink) => givesIndex(refusal, link);
  const number = room === null ? null : numberBehind(room.links, cause, written, named);
  const name = indexName(refusal, cause, number);
  const limits =
    room === null || number === null || room.bytes === null
      ? null
      : limitsOf(number, room.before, room.bytes);
  const fitting = limits === null ? SOME_MASK : largestMask(limits.most);
  const remainder = cause?.text.includes("makes a remainder") === true && fitting > 0;
  const whole = [...wholeFixes(cause, name.text), ...(remainder ? [remainderFix(name, fitting)] : [])];
  if (limits === null) return [...whole, ...openFixes(name, arrayOf(refusal, register))];
  const { least } = limits;
  // A signed comparison has set an upper limit already: what it lacks is the lower one.
  const upper = cause === null ? null : signedLimit(refusal.history, cause);
  const most = upper !== null && upper < limits.most ? upper : limits.most;
  if (most < least) return whole;
  const test = testFix(name, { least, most }, upper !== null || isSigned(cause), number!.merged);
  const mask = cause?.at.effect.operator === "&=" ? cause.at.effect.constant : null;
  const corrected = mask === null ? null : correctedMask(lines, mask, number!.scale, fitting);
  if (corrected !== null) return [...whole, fix(`Use a mask that fits: & ${fitting}.`, corrected), test];
  return fitting === 0 || least > 0 || remainder
    ? [...whole, test]
    : [...whole, test, maskFix(name, fitting)];
}

/** What a signed comparison that sets no lower limit lets pass at most; null for other causes. */
function signedLimit(history: History, { at, text }: Cause): number | null {
  if (!/^s[<>]/.test(at.effect.operator) || !text.includes("lower limit")) return null;
  const [register] = at.effect.reads;
  const { smax } = rangeOf(history.known(register!, at.position + 1) ?? "");
  return Number(smax);
}

/** It is sign extended: as it stands in the program, a comparison with a constant lets negative numbers pass. */
export function isSigned(cause: Cause | null): boolean {
  return cause?.text.includes("signed number") === true;
}

function testFix(
  name: IndexName,
  { least, most }: NumberLimits,
  signed: boolean,
  merged: boolean,
): Finding["fixes"][number] {
  const limits = least > 0 ? `at least ${least}, and at most ${most},` : `at most ${most}`;
  const { text, declaration } = variableOf(name, merged);
  const tested = signed && name.variable ? `(__u32)${text}` : text;
  const test = least > 0 ? `${tested} < ${least} || ${tested} > ${most}` : `${tested} > ${most}`;
  const how = name.variable
    ? declaration === ""
      ? ""
      : ", and the same to the compiler in both places"
    : ", and from a variable: what is loaded anew is another number";
  return fix(
    `Make sure that ${name.text} is ${limits} here: as an unsigned number, on this path, before it is used${how}.`,
    `${declaration}if (${test})\n\treturn 0;${usedLine(name, text)}`,
  );
}

/** The line that uses a number, with the variable that it was put into; nothing where it is a variable already. */
function usedLine({ text, variable, used }: IndexName, index: string): string {
  if (variable || used === null) return "";
  const { line, subscript } = used;
  const inside = subscript.replace(text, () => index);
  return `\n${line.replace(`[${subscript}]`, () => `[${inside}]`)}`;
}

/** What can be said where the log does not tell how large the memory is. */
function openFixes(name: IndexName, array: string | null): Finding["fixes"] {
  const limit = array === null ? "MAX" : `sizeof(${array}) / sizeof(${array}[0])`;
  const { text, declaration } = variableOf(name, false);
  return [
    fix(
      "Test the variable against its limit, as an unsigned number, on this path, before it is used.",
      `${declaration}if (${text} >= ${limit})\n\treturn 0;${usedLine(name, text)}`,
    ),
    fix(
      "Or cut it off with a constant mask, where the limit is a power of two.",
      `${declaration}${text} &= ${limit} - 1;${usedLine(name, text)}`,
    ),
  ];
}

/** A variable to be tested: what is no variable is kept in one. */
function variableOf({ text, variable }: IndexName, merged: boolean): { text: string; declaration: string } {
  if (!variable) return { text: "index", declaration: `__u32 index = ${text};\n` };
  // Else the compiler tests the number, and uses what it makes of it before.
  return { text, declaration: merged && /^\w+$/.test(text) ? `asm volatile("" : "+r"(${text}));\n` : "" };
}

/** What the program calls the number that is added to a pointer. */
export function addedName(refusal: Refusal, register: number, cause: Cause | null): string {
  const links = roomOf(refusal, register)?.links ?? [];
  const number = numberBehind(
    links,
    cause,
    () => true,
    (link) => givesIndex(refusal, link),
  );
  const { text } = indexName(refusal, cause, number);
  return /^\w+$/.test(text) ? text : "index";
}

/** The array on the stack that a line accesses at an index: its size is in its type. */
export function arrayOf(refusal: Refusal, register: number): string | null {
  if (!/^fp/.test(refusal.known(register) ?? "")) return null;
  const line = refusal.last?.step.source?.text ?? "";
  const found = new Set([...line.matchAll(/([A-Za-z_]\w*(?:(?:->|\.)\w+)*)\[/g)].map(([, name]) => name!));
  return found.size === 1 ? [...found][0]! : null;
}

/** Where a copy of fewer bits was tested: the variable with as many as registers have. */
function wholeFixes(cause: Cause | null, name: string): Finding["fixes"] {
  if (cause?.copy !== true) return [];
  return [
    fix(
      "Give the variable 64 bits, and no sign: then what is tested is the very number that is used, and no copy.",
      `__u64 ${name};`,
    ),
  ];
}
