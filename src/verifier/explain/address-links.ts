import type { History, ValueLink } from "./history.ts";
import { isPointer } from "./value-kind.ts";
import { isUnbounded, rangeOf, widthOf } from "./value-range.ts";

/**
 * How a number that is used as an address came to be. Of two numbers that were added, the one that was meant as the
 * address is followed, on whichever side it stands: not the index.
 */
export function addressLinks(history: History, register: number, before: number): readonly ValueLink[] {
  const links = history.origin(register, before);
  for (const [i, { at, kind }] of links.entries()) {
    const [left, right] = at.effect.reads;
    if (kind !== "changed" || at.effect.operator !== "+=" || left === undefined || right === undefined)
      continue;
    if (history.sumOf(at) !== null || !isRather(history, right, left, at.position)) continue;
    return [...links.slice(0, i + 1), ...addressLinks(history, right, at.position)];
  }
  return links;
}

/** Whether one number of a sum looks more like an address than the other. */
function isRather(history: History, one: number, other: number, before: number): boolean {
  const [a, b] = [one, other].map((register) => rankOf(history, register, before));
  if (a !== b) return a! > b!;
  const [mine, others] = [one, other].map((register) =>
    widthOf(rangeOf(history.known(register, before) ?? "")),
  );
  return mine! > others!;
}

/** The more, the more it looks like an address. */
function rankOf(history: History, register: number, before: number): number {
  const links = history.origin(register, before);
  if (links.some(({ known }) => isPointer(known))) return 3;
  // An index is scaled or cut off; what was loaded with fewer than 64 bits is no address.
  if (links.some(({ kind, at }) => kind === "changed" && /^(?:<<|\*|&|>>|s>>|%)=$/.test(at.effect.operator)))
    return 0;
  const birth = links.at(-1)?.at.effect;
  if (birth?.operation === "load" && birth.memory!.size < 8) return 0;
  return isUnbounded(rangeOf(history.known(register, before) ?? "")) ? 2 : 1;
}
