import type { Cause } from "./cause.ts";
import { addedNumber, isExactlyKnown, offsetOf } from "./cause-access.ts";
import type { ValueLink } from "./history.ts";
import { type Finding, fix, type Refusal } from "./rule.ts";

/** What may be added to a pointer. */
export interface Room {
  /** The number that is added: the register of the newest addition of a variable. */
  readonly links: readonly ValueLink[];
  /** Bytes of the pointer's memory that are left for it; null where the log does not say how large that is. */
  readonly bytes: number | null;
}

/** What the addition of a variable to a pointer may be at most: how much memory there is, less what is accessed. */
export function roomOf(refusal: Refusal, register: number): Room | null {
  const { history, last, log } = refusal;
  if (last === undefined) return null;
  const added = history
    .origin(register, last.position)
    .find(
      (link) => link.kind === "changed" && link.at.effect.reads.length > 1 && !isExactlyKnown(history, link),
    );
  if (added === undefined) return null;
  const links = history.origin(addedNumber(history, added), added.at.position);
  const known = refusal.known(register) ?? "";
  const messages = log.messages.join("\n");
  const size =
    /(?:value_size|key_size|mem_size)=(\d+)/.exec(messages)?.[1] ??
    /[(,](?:vs|sz|mem_size)=(\d+)/.exec(known)?.[1];
  if (added.at.effect.operator === "-=") return { links, bytes: null };
  const { memory } = last.effect;
  const accessed = memory?.size ?? Number(/(?<![a-z_])size=(\d+)/.exec(messages)?.[1] ?? Number.NaN);
  if (size === undefined || Number.isNaN(accessed)) return { links, bytes: null };
  return { links, bytes: Number(size) - offsetOf(known) - (memory?.offset ?? 0) - accessed };
}

/** How to bound the variable that is added to a pointer, with the very number where the log tells enough. */
export function boundFixes(refusal: Refusal, register: number, cause: Cause | null): Finding["fixes"] {
  const room = roomOf(refusal, register);
  const name = refusal.variable(cause?.at, subscript(refusal) ?? "index");
  const most = room === null || room.bytes === null ? null : mostOf(room, room.bytes, cause);
  const whole = [
    ...wholeFixes(cause, name),
    ...(cause?.text.includes("makes a remainder") === true
      ? [fix("Use a power of two, and a mask instead of the remainder.", `${name} = hash & 7;`)]
      : []),
  ];
  if (most === null) {
    return [
      ...whole,
      fix(
        "Test the variable against its limit, as an unsigned number, on this path, before it is used.",
        `if (${name} >= MAX)\n\treturn 0;`,
      ),
      fix("Or cut it off with a constant mask.", `${name} &= MAX - 1;`),
    ];
  }
  if (most < 0) return [];
  const test = fix(
    `Make sure that ${name} is at most ${most} here: as an unsigned number, on this path, before it is used.`,
    `if (${name} > ${most})\n\treturn 0;`,
  );
  const mask = largestMask(most);
  const corrected = cause?.at.effect.operator === "&=" ? correctedMask(cause, room!.links, mask) : null;
  if (corrected !== null) return [fix(`Use a mask that fits: & ${mask}.`, corrected), test];
  return mask === 0 ? [test] : [test, fix("Or cut it off with a constant mask.", `${name} &= ${mask};`)];
}

/** Where a copy of fewer bits was tested: the variable with as many as registers have. */
export function wholeFixes(cause: Cause | null, name: string): Finding["fixes"] {
  if (cause?.copy !== true) return [];
  return [
    fix(
      "Give the variable 64 bits, and no sign: then what is tested is the very number that is used, and no copy.",
      `__u64 ${name};`,
    ),
  ];
}

/** The largest value of the number at the cause for which what is made of it fits. */
function mostOf({ links }: Room, bytes: number, cause: Cause | null): number | null {
  let scale = 1;
  for (const { at, kind } of links) {
    if (cause !== null && at.position <= cause.at.position) break;
    if (/^(?:copied|argument|returned)$/.test(kind)) continue;
    const { operator, constant } = at.effect;
    if (kind !== "changed") break;
    if (constant === null) return null;
    // Shifts to the left and back cut a number to fewer bits.
    if (operator === "<<=") scale *= 2 ** Number(constant);
    else if (/^s?>>=$/.test(operator)) scale /= 2 ** Number(constant);
    else if (operator === "*=") scale *= Number(constant);
    else if (operator !== "&=") return null;
  }
  if (scale < 1 || scale >= 2 ** 32) return null;
  return Math.floor(bytes / scale);
}

function largestMask(most: number): number {
  let mask = 0;
  while (mask * 2 + 1 <= most) mask = mask * 2 + 1;
  return mask;
}

/** The variable in brackets of the line that is refused, where it has one alone. */
function subscript({ last }: Refusal): string | null {
  const found = [...(last?.step.source?.text ?? "").matchAll(/\[(\w+)\]/g)].map(([, name]) => name!);
  const [name] = found;
  return name === undefined || found.length > 1 || /^\d/.test(name) ? null : name;
}

/** The line with the mask, as it should be: that of the instruction, else another one that the number went through. */
function correctedMask({ at }: Cause, links: readonly ValueLink[], mask: number): string | null {
  for (const { step } of [at, ...links.map((link) => link.at)]) {
    const corrected = withMask(step.source?.text ?? "", at.effect.constant, mask);
    if (corrected !== null) return corrected;
  }
  return null;
}

/** The line of source with another mask; null where it does not show the mask. */
function withMask(line: string, old: bigint | null, mask: number): string | null {
  let found = 0;
  const changed = line.replaceAll(/& ?(0[xX][0-9a-fA-F]+|\d+)\b/g, (text, number: string) => {
    if (old === null || BigInt(number) !== old) return text;
    found++;
    return `& ${number.startsWith("0") && number.length > 1 ? `0x${mask.toString(16)}` : mask}`;
  });
  return found === 1 ? changed : null;
}
