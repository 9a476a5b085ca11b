import { addressLinks } from "./address-links.ts";
import { birthOf, type Cause, callName, comparisonsOf, invalidation, overwrittenSlot } from "./cause.ts";
import type { History, ValueLink } from "./history.ts";
import type { PathStep } from "./path-step.ts";
import { isNumber, isPointer } from "./value-kind.ts";
import { exactOf } from "./value-range.ts";
import { memoryText } from "./value-text.ts";

/** Where a register became something else than what is wanted: why it is a number, NULL or another pointer. */
export function causeOfType(history: History, register: number, before: number): Cause | null {
  const links = addressLinks(history, register, before);
  const now = history.known(register, before);
  if (now !== null && exactOf(now) === 0n) {
    const compared = comparisonsOf(history, register, before).findLast(
      ({ at, after }) => at.effect.constant === 0n && after !== null && exactOf(after) === 0n,
    );
    if (compared !== undefined)
      return { at: compared.at, text: "on this side of the comparison the pointer is NULL" };
  }
  const ended = endOfLife(history, register, before, links);
  if (ended !== null) return ended;
  for (const link of links) {
    const lost = lossAt(history, link);
    if (lost !== null) return { at: link.at, text: lost };
    const written = variableWrite(history, link);
    if (written !== null) return written;
  }
  const store = overwrittenSlot(history, links);
  if (store !== undefined)
    return { at: store.at, text: "this store puts something else where a pointer was kept" };
  const birth = birthOf(links) ?? links.at(-1);
  return birth === undefined ? null : { at: birth.at, text: birthText(birth, history) };
}

/** A pointer that the log still knew as one, and a call that ended its life before it is used. */
function endOfLife(
  history: History,
  register: number,
  before: number,
  links: readonly ValueLink[],
): Cause | null {
  const told = history.known(register, before);
  const at = history.knownAt(register, before);
  if (told !== null && isPointer(told)) {
    const ended = invalidation(history, told, at, before);
    if (ended !== null) return ended;
  }
  let later = before;
  for (const link of links) {
    // What the source was in front of the copy, against what was known when it was told last.
    const known = link.known;
    if (known !== null && isPointer(known)) {
      return invalidation(history, known, link.at.position, later === before ? before : later + 1);
    }
    const [source] = link.at.effect.reads;
    if (link.kind === "copied" && source !== undefined && link.at.stack === null) {
      const was = pointerBefore(history, source, link.at.position);
      if (was !== null) {
        const ended = invalidation(history, was.value, was.at, link.at.position);
        if (ended !== null) return ended;
      }
    }
    later = link.at.position;
  }
  return endOfPacket(history, links, before);
}

/** Where the log tells no types (level 1 of older kernels): a word of the context that is used as a pointer is one into the packet. */
function endOfPacket(history: History, links: readonly ValueLink[], before: number): Cause | null {
  const birth = links.at(-1);
  const memory = birth?.at.effect.memory ?? null;
  if (birth?.kind !== "made" || birth.known !== null || memory === null || memory.store) return null;
  if (memory.size !== 4 || !isContext(history, memory.base, birth.at.position)) return null;
  return invalidation(history, "pkt", birth.at.position, before);
}

/** Whether a register has what the program was called with. */
function isContext(history: History, register: number, before: number): boolean {
  const known = history.known(register, before);
  if (known !== null) return known.startsWith("ctx");
  const links = history.origin(register, before);
  const oldest = links.at(-1);
  if (oldest === undefined) return register === 1;
  return links.every(({ kind }) => kind === "copied") && oldest.at.effect.reads[0] === 1;
}

/** The newest word of the log about a register that says it is a pointer, with no write since. */
function pointerBefore(
  history: History,
  register: number,
  before: number,
): { value: string; at: number } | null {
  const links = history.origin(register, before);
  const since = links[0]?.at.position ?? 0;
  for (let at = before - 1; at >= since; at--) {
    const value = history.known(register, at + 1);
    if (isPointer(value)) return { value: value!, at };
    if (value === null) return null;
  }
  return null;
}

/** A store at a variable offset of the stack, between a spill of a pointer and its fill: it may have hit it. */
function variableWrite(history: History, { at, kind, known }: ValueLink): Cause | null {
  if (kind !== "copied" || at.effect.operation !== "load" || at.stack === null || isPointer(known))
    return null;
  const spill = history.originOf({ frame: at.frame, slot: at.stack }, at.position)[0];
  if (spill === undefined || spill.at.effect.memory?.store !== true) return null;
  const value = spill.at.effect.reads[1];
  if (value === undefined || !isPointer(history.known(value, spill.at.position))) return null;
  const store = history.path.slice(spill.at.position + 1, at.position).findLast((step) => {
    const { memory } = step.effect;
    return memory?.store === true && /^fp.*\(/.test(history.known(memory.base, step.position) ?? "");
  });
  if (store === undefined) return null;
  return {
    at: store,
    text: "this store to a variable place of the stack may hit the pointer that is kept there",
  };
}

function lossAt(history: History, { at, place, kind, known }: ValueLink): string | null {
  const { effect } = at;
  if (kind === "partial") {
    if (effect.operation === "load") return `this reads a part of what was stored: ${place} is a number`;
    return effect.operation === "atomic"
      ? "an atomic operation changes the spilled pointer: it is a number from here on"
      : "this overwrites a part of the spilled pointer: it is a number from here on";
  }
  if (kind === "copied" && effect.narrow)
    return `only the low 32 bits are copied: ${place} is a number from here on`;
  if (kind === "copied" && effect.operation === "movsx")
    return `the sign extension makes a number of ${place}`;
  if (kind === "changed") {
    const was = history.known(effect.reads[0] ?? effect.writes, at.position);
    if (isPointer(was) && (known === null || isNumber(known)))
      return `this arithmetic makes a number of the pointer in ${place}`;
  }
  return null;
}

function birthText({ at, place, kind, known }: ValueLink, history: History): string {
  const { effect } = at;
  if (kind === "clobbered") return `the call of ${callName(effect.call ?? "")} does not keep ${place}`;
  if (effect.operation === "constant") return `${place} is set to ${at.step.text.replace(/^.*?= /, "")} here`;
  if (effect.operation === "load" && !isPointer(known))
    return `${place} is loaded from ${memoryText(history.known(effect.memory!.base, at.position))}: to the verifier that is a number`;
  if (effect.call !== null && !isPointer(known))
    return `${callName(effect.call)} gives a number, in ${place}`;
  if (effect.call !== null) return `${callName(effect.call)} gives this, in ${place}`;
  return `${place} comes from here`;
}

/** Where a register that nobody wrote, or that a call did not keep, should have got its value. */
export function causeOfMissing(history: History, register: number, before: number): Cause | null {
  const oldest = history.origin(register, before).at(-1);
  if (oldest === undefined) return null;
  const { at, kind, place } = oldest;
  if (kind === "clobbered") {
    const what =
      at.effect.operation === "skb"
        ? "loads from the packet do"
        : `the call of ${callName(at.effect.call ?? "")} does`;
    return { at, text: `${what} not keep ${place}: R1 to R5 hold nothing after it` };
  }
  if (kind === "argument" && !/^R[1-5]$/.test(place)) {
    const exit = history.origin(register, before).find((link) => link.kind === "returned");
    return exit === undefined
      ? null
      : { at: exit.at, text: `the function returns without a value in ${place}` };
  }
  if (kind === "argument") return { at, text: `the caller passes nothing in ${place}` };
  return { at, text: `this gives no value in ${place}` };
}

/** The branch on the path that jumps over the instructions that would have done what is missing. */
export function skippedOver(
  history: History,
  others: ReadonlyMap<number, string>,
  /** The instruction's text, and the position of the branch that it is looked for at. */
  wanted: (text: string, at: number) => boolean,
): PathStep | null {
  const last = history.last;
  if (last === undefined) return null;
  const visited = new Set(history.path.map(({ step }) => step.index));
  for (let at = history.path.length - 2; at >= 0; at--) {
    const here = history.path[at]!;
    const next = history.path[at + 1]!;
    if (here.effect.jump === null || next.frame !== here.frame) continue;
    const [from, to] = [here.step.index + 1, next.step.index];
    if (to > from) {
      for (let index = from; index < to; index++) {
        const text = others.get(index);
        if (text !== undefined && !visited.has(index) && wanted(text, at)) return here;
      }
      continue;
    }
    if (to !== from || here.effect.operation !== "branch") continue;
    // The side that was not taken has it: the path fell through.
    const target = here.step.index + 1 + here.effect.jump;
    for (let index = target; index < target + NEAR; index++) {
      const text = others.get(index);
      if (text === undefined) continue;
      if (!visited.has(index) && wanted(text, at)) return here;
      if (/^(?:exit|goto)/.test(text)) break;
    }
  }
  return null;
}

/** Instructions on the other side of a branch that are looked at. */
const NEAR = 16;
