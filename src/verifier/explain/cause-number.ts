import { type Cause, type Comparison, callName, comparisonsOf } from "./cause.ts";
import type { History, ValueLink } from "./history.ts";
import { exactOf, rangeOf, rangeWords, widthOf } from "./value-range.ts";

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
    while (to < links.length - 1 && links[to]!.kind === "copied") to++;
    const lost = links.slice(from, to + 1).find((link) => lossAt(history, link) !== null);
    const comparisons = comparisonsOf(history, asked.register, asked.before);
    const compared = decisive(comparisons, limit);
    if (compared !== null && (lost === undefined || compared.at.position > lost.at.position)) return compared;
    if (lost !== undefined) return { at: lost.at, text: lossAt(history, lost)! };
    const cut = limit === "low" ? null : cutAt(history, links[to]!);
    if (cut !== null) return cut;
    const meant = from === 0 ? newest(comparisons, limit) : null;
    if (meant !== null) return meant;
    const { at, kind } = links[to]!;
    const source = at.effect.reads[0];
    if (kind !== "changed" || source === undefined) break;
    asked = { register: source, before: at.position };
    from = to + 1;
  }
  return birth(links, limit);
}

function birth(links: readonly ValueLink[], limit: Limit): Cause | null {
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
  if (effect.call !== null)
    return { at, text: `${callName(effect.call)} gives a number that ${words}; ${missing}` };
  if (effect.operation === "load")
    return { at, text: `${place} is loaded from memory and ${words}; ${missing}` };
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
  return last === undefined ? null : compared(last, limit, false);
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
function lossAt(history: History, { at, place, kind, known }: ValueLink): string | null {
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
  const [was, is] = [widthOf(rangeOf(source)), widthOf(rangeOf(known))];
  if (is < GROWTH || is < was * GROWTH) return null;
  const now = rangeWords(rangeOf(known));
  const limits = now === null ? "can be any number" : `can be ${now}`;
  const { effect } = at;
  if (effect.operation === "movsx")
    return `the sign extension loses what was known: ${place} ${limits} after it`;
  if (effect.narrow) return `32-bit arithmetic cuts the value off: ${place} ${limits} after it`;
  if (kind === "copied") return `the value that comes back from the stack is unknown: ${place} ${limits}`;
  return `\`${at.step.text}\` loses the limits: ${place} ${limits} after it`;
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
