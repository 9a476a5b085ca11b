import { type Cause, type Comparison, callName, comparisonsOf } from "./cause.ts";
import type { History, ValueLink } from "./history.ts";
import { exactOf, rangeOf, rangeWords, widthOf } from "./value-range.ts";
import { memoryText } from "./value-text.ts";

/** Which of a number's limits was not good enough. */
export type Limit = "low" | "high" | "both";

/** Ranges that grow by more than this at one instruction are lost there: shifts and sums of indices grow less. */
const GROWTH = 1n << 16n;

/** Where a number's limits were lost, or what should have set them. */
export function causeOfRange(history: History, register: number, before: number, limit: Limit): Cause | null {
  const links = history.origin(register, before);
  let from = 0;
  let asked = { register, before };
  while (from < links.length) {
    // A segment: copies of one value, back to the arithmetic that made it from another.
    let to = from;
    while (to < links.length - 1 && /^(?:copied|argument|returned)$/.test(links[to]!.kind)) to++;
    const lost = links
      .slice(from, to + 1)
      .find((link, i) => !isConversion(links, from + i) && lossAt(history, link, limit) !== null);
    const comparisons = comparisonsOf(history, asked.register, asked.before);
    const signed = limit === "low" ? signExtension(history, links, from, to) : null;
    const after = comparisons.at(-1);
    // A comparison of the number without its sign says nothing of the one with it.
    const other = after !== undefined && after.before !== null && rangeOf(after.before).smin >= 0n;
    if (signed !== null && (after === undefined || other || after.at.position < signed.at.position))
      return signed;
    const compared = decisive(comparisons, limit);
    if (compared !== null && (lost === undefined || compared.at.position > lost.at.position)) return compared;
    if (lost !== undefined) return { at: lost.at, text: lossAt(history, lost, limit)! };
    const cut = limit === "low" || isConversion(links, to) ? null : cutAt(history, links[to]!);
    if (cut !== null) return cut;
    const meant = from === 0 || limit === "low" ? newest(comparisons, limit) : null;
    if (meant !== null) return meant;
    const { at, kind } = links[to]!;
    const source = at.effect.reads[0];
    if (kind !== "changed" || source === undefined) break;
    asked = { register: source, before: at.position };
    from = to + 1;
  }
  return ofCopy(history, links, before) ?? birth(history, links, limit);
}

/** Where a value that is not known exactly comes from. */
export function causeOfBirth(history: History, register: number, before: number): Cause | null {
  return birth(history, history.origin(register, before), "both");
}

/** Shifts to the left and back by as much: the compiler makes a number of fewer bits of it. */
function isConversion(links: readonly ValueLink[], at: number): boolean {
  return isBack(links, at) || isBack(links, at - 1);
}

function isBack(links: readonly ValueLink[], at: number): boolean {
  const [back, left] = [links[at], links[at + 1]];
  return (
    back?.kind === "changed" &&
    left?.kind === "changed" &&
    /^s?>>=$/.test(back.at.effect.operator) &&
    left.at.effect.operator === "<<=" &&
    back.at.effect.constant !== null &&
    back.at.effect.constant === left.at.effect.constant
  );
}

/** Where a number that could not be negative is read as one that can. */
function signExtension(
  history: History,
  links: readonly ValueLink[],
  from: number,
  to: number,
): Cause | null {
  for (let i = from; i <= to; i++) {
    const { at, place, known } = links[i]!;
    const shifted = isBack(links, i) && at.effect.operator === "s>>=";
    if (!shifted && at.effect.operation !== "movsx") continue;
    const source = shifted ? links[i + 1]!.at : at;
    const before = history.known(source.effect.reads[0] ?? -1, source.position);
    if (known === null || before === null || rangeOf(before).smin < 0n || rangeOf(known).smin >= 0n) continue;
    return {
      at,
      text: `it is taken for a signed number here: ${place} can be ${rangeWords(rangeOf(known)) ?? "any number"}`,
    };
  }
  return null;
}

/** A comparison of a copy that was changed before: of the value itself nothing was learnt. */
function ofCopy(history: History, links: readonly ValueLink[], before: number): Cause | null {
  const own = new Set(links.map(({ at }) => at.position));
  const oldest = links.at(-1)?.at.position ?? before;
  for (let position = before - 1; position > oldest; position--) {
    const here = history.path[position]!;
    if (here.effect.operation !== "branch") continue;
    for (const register of here.effect.reads) {
      const others = history.origin(register, position);
      const shared = others.findIndex(({ at }) => own.has(at.position));
      const parted = others.slice(0, Math.max(0, shared));
      const changed = parted.find(
        ({ kind, at }) => kind === "changed" || (kind === "copied" && at.effect.narrow),
      );
      if (changed === undefined) continue;
      const cut = parted.some(({ at }) => at.effect.narrow || at.effect.constant === 32n);
      return {
        at: here,
        copy: true,
        text: `this tests R${register}, a copy that was ${cut ? "cut to 32 bits" : "changed"} before: of the value itself the verifier learns nothing`,
      };
    }
  }
  return null;
}

function birth(history: History, links: readonly ValueLink[], limit: Limit): Cause | null {
  const oldest = links.at(-1);
  if (oldest === undefined) return null;
  const { at, place, known } = oldest;
  const { effect } = at;
  if (oldest.kind === "clobbered") return { at, text: `the call does not keep ${place}` };
  if (effect.operation === "constant")
    return { at, text: `${place} is set to ${at.step.text.replace(/^.*= /, "")} here` };
  const range = known === null ? null : rangeWords(rangeOf(known));
  const words = range === null ? "can be any number" : `can be ${range}`;
  const missing = limit === "low" ? "nothing tests its lower limit" : "nothing compares it with a limit";
  if (effect.call !== null && place !== "R0")
    return {
      at,
      text: `${callName(effect.call)} calls the function with ${range === null ? "any number" : range} in ${place}; ${missing}`,
    };
  if (effect.call !== null)
    return { at, text: `${callName(effect.call)} gives a number that ${words}; ${missing}` };
  if (effect.operation === "load")
    return {
      at,
      text: `${place} is loaded from ${memoryText(history.known(effect.memory!.base, at.position))} and ${words}; ${missing}`,
    };
  return { at, text: `${place} ${words}; ${missing}` };
}

/** The comparison that set the limit. */
function decisive(comparisons: readonly Comparison[], limit: Limit): Cause | null {
  const chosen = comparisons.findLast((comparison) => moves(comparison, limit));
  return chosen === undefined ? null : compared(chosen, limit, true);
}

/** The newest comparison that set no limit: it was meant to. */
function newest(comparisons: readonly Comparison[], limit: Limit): Cause | null {
  const last = comparisons.at(-1);
  if (last === undefined) return null;
  // What cannot be negative has a lower limit.
  if (limit === "low" && last.after !== null && rangeOf(last.after).smin >= 0n) return null;
  return compared(last, limit, false);
}

function compared({ at, place, after }: Comparison, limit: Limit, decides: boolean): Cause {
  const bounds = after === null ? null : rangeOf(after);
  const range = bounds === null ? null : rangeWords(bounds);
  const missing = limit === "low" ? "sets no lower limit" : "sets no upper limit";
  const name = "register" in place ? `R${place.register}` : "the value";
  const signed = /^s[<>]/.test(at.effect.operator) ? "this signed comparison" : "this comparison";
  if (bounds === null || range === null)
    return { at, text: `${signed} ${missing}: ${name} can still be any number on this path` };
  const half = !decides && limit === "low" ? `${missing}: ` : "lets too much pass: ";
  const text = `${signed} ${half}on this path ${name} can still be ${range}`;
  return decides && limit !== "low" ? { at, text, lets: bounds.umax } : { at, text };
}

/** A mask, a shift to the right or a remainder that set the upper limit. */
function cutAt(history: History, { at, place, kind, known }: ValueLink): Cause | null {
  const { operator, constant } = at.effect;
  if (kind !== "changed" || known === null || constant === null || !/^(?:&|>>|%|s%)=$/.test(operator))
    return null;
  const range = rangeOf(known);
  const before = history.known(at.effect.reads[0] ?? -1, at.position);
  // What is left of a number by its type is no bound.
  if (range.umax >= 0xffff_ffffn) return null;
  if (exactOf(known) !== null || range.umax >= rangeOf(before ?? "").umax) return null;
  const what = operator === "&=" ? "this mask" : operator === ">>=" ? "this shift" : "this remainder";
  return {
    at,
    text: `${what} leaves too much: ${place} can be ${rangeWords(range)} after it`,
    lets: range.umax,
  };
}

function moves({ before, after }: Comparison, limit: Limit): boolean {
  if (after === null) return false;
  const [was, is] = [rangeOf(before ?? ""), rangeOf(after)];
  const low = is.smin > was.smin;
  const high = is.smax < was.smax;
  return limit === "low" ? low : limit === "high" ? high : low || high;
}

/** What an instruction lost of a number; null where it lost nothing. */
function lossAt(history: History, { at, place, kind, known }: ValueLink, limit: Limit): string | null {
  if (kind === "partial") {
    if (at.effect.operation === "load")
      return `this reads other bytes than were stored at once: ${place} is unknown`;
    return at.effect.operation === "atomic"
      ? "an atomic operation changes the slot: nothing is known of it any more"
      : "only a part of the slot is written here: what is read from it later is unknown";
  }
  if (known === null || (kind !== "copied" && kind !== "changed")) return null;
  // What is known exactly is what the last arithmetic made of it.
  if (kind === "changed" && exactOf(known) !== null)
    return `this makes ${place} ${rangeWords(rangeOf(known))}`;
  const source = sourceBefore(history, at, place);
  if (source === null) return null;
  const { operator, constant } = at.effect;
  const lowers =
    /^(?:-=|=|s>>=)$/.test(operator) || (operator === "+=" && constant !== null && constant < 0n);
  const below = limit !== "high" && kind === "changed" && lowers;
  if (below && rangeOf(source).smin >= 0n && rangeOf(known).smin < 0n && widthOf(rangeOf(known)) < GROWTH)
    return `this may go below 0: ${place} can be ${rangeWords(rangeOf(known)) ?? "any number"} after it`;
  // A number that could be negative before was no better then.
  if (/^(?:<<|\*)=$/.test(at.effect.operator) && rangeOf(source).smin < 0n) return null;
  const [was, is] = [widthOf(rangeOf(source)), widthOf(rangeOf(known))];
  if (is < GROWTH || is < was * GROWTH) return null;
  const now = rangeWords(rangeOf(known));
  const limits = now === null ? "can be any number" : `can be ${now}`;
  const { effect } = at;
  if (effect.operation === "movsx")
    return `the sign extension loses what was known: ${place} ${limits} after it`;
  if (effect.narrow) return `32-bit arithmetic cuts the value off: ${place} ${limits} after it`;
  const divisor = remainderOf(history, at);
  if (divisor !== null)
    return `the compiler makes a remainder (% ${divisor}) of a division, a multiplication and this subtraction, and the verifier cannot tell that it is small: ${place} ${limits}`;
  if (kind === "copied") return `the value that comes back from the stack is unknown: ${place} ${limits}`;
  return `\`${at.step.text}\` loses the limits: ${place} ${limits} after it`;
}

/** `x - x / 6 * 6`: the 6; null for other subtractions. */
function remainderOf(history: History, at: ValueLink["at"]): bigint | null {
  const subtracted = at.effect.reads[1];
  if (at.effect.operator !== "-=" || subtracted === undefined) return null;
  const [times, over] = history
    .origin(subtracted, at.position)
    .filter(({ kind }) => kind === "changed")
    .map((link) => link.at.effect);
  if (times?.operator !== "*=" || !/^s?\/=$/.test(over?.operator ?? "")) return null;
  return times.constant !== null && times.constant === over?.constant ? times.constant : null;
}

function sourceBefore(history: History, at: ValueLink["at"], place: string): string | null {
  const { effect } = at;
  if (effect.operation === "load" && at.stack !== null) {
    const stored = history.originOf({ frame: at.frame, slot: at.stack }, at.position)[0];
    if (stored === undefined) return null;
    const value = stored.at.effect.reads[1];
    return value === undefined ? null : history.known(value, stored.at.position);
  }
  if (effect.memory?.store === true) return null;
  const register = effect.reads[0] ?? Number(place.slice(1));
  return history.known(register, at.position);
}
