import type { Cause } from "./cause.ts";
import { addedNumber, offsetOf } from "./cause-access.ts";
import { causeOfRange } from "./cause-number.ts";
import type { History, ValueLink } from "./history.ts";
import { bytesText } from "./number-text.ts";
import type { PathStep } from "./path-step.ts";
import { rangeOf, rangeWords } from "./value-range.ts";

/** Which comparison proved too little of the packet, or why none proved anything of this pointer. */
export function causeOfPacket(history: History, register: number, before: number): Cause | null {
  const pointer = history.known(register, before);
  if (pointer === null) return null;
  const links = history.origin(register, before);
  const born = links.at(-1)?.at.position ?? -1;
  const direct = newestComparison(history, before, born, (value) => sameFamily(value, pointer));
  if (direct !== null) {
    const kind = /^pkt_meta/.test(pointer) ? "the packet's start (data)" : "data_end";
    const range = rangeBehind(history, direct, pointer);
    const large = range === null ? tooLarge(history, links, direct, pointer) : null;
    if (large !== null) return large;
    return {
      at: direct,
      text:
        range === null
          ? `on this side the comparison proves nothing: the pointer may be beyond ${kind}`
          : `this comparison with ${kind} proves only ${bytesText(range)} from the start`,
    };
  }
  const variable = links.find(({ kind, at }) => kind === "changed" && at.effect.reads.length > 1);
  if (variable !== undefined) {
    return {
      at: variable.at,
      text: "a variable is added: from here on it is another pointer, and this one was not compared with data_end",
    };
  }
  return (
    causeOfOther(history, before, born, pointer) ??
    lengthCompared(history, before) ??
    neverCompared(history, register, before)
  );
}

/** What packets are at most: with more that may have been added, a comparison counts for nothing (`MAX_PACKET_OFF`). */
const MAX_OFFSET = 0xffffn;

function tooLarge(
  history: History,
  links: readonly ValueLink[],
  compared: PathStep,
  pointer: string,
): Cause | null {
  const values = compared.effect.reads
    .map((register) => history.known(register, compared.position) ?? "")
    .filter((value) => sameFamily(value, pointer));
  const furthest = [pointer, ...values].map(furthestOf).find((each) => each > MAX_OFFSET);
  if (furthest === undefined) return null;
  const added = links.find(({ kind, at }) => kind === "changed" && at.effect.reads.length > 1);
  if (added === undefined || idOf(pointer) === "0") {
    return {
      at: compared,
      text: `the pointer can be ${furthest} bytes from the packet's start here: with more than ${MAX_OFFSET} the comparison with data_end does not count`,
    };
  }
  const number = addedNumber(history, added);
  const range = rangeWords(rangeOf(history.known(number, added.at.position) ?? ""));
  return {
    at: added.at,
    text: `R${number} is added, and can be ${range ?? "any number"}: with more than ${MAX_OFFSET}, what is added besides counted in, the comparison with data_end does not count`,
  };
}

/** How far from the start a pointer can be, as far as its word tells: what is fixed, and the most that was added. */
function furthestOf(pointer: string): bigint {
  const fixed = BigInt(offsetOf(pointer));
  return /[a-z]m(?:ax|in)/.test(pointer) ? fixed + rangeOf(pointer).umax : fixed;
}

/** What was compared came from the same start by adding a number that is not known: it proves nothing of this pointer. */
function causeOfOther(history: History, before: number, born: number, pointer: string): Cause | null {
  const kind = kindOf(pointer);
  const other = newestComparison(history, before, born, (value) => kindOf(value) === kind);
  if (other === null) return null;
  for (const register of other.effect.reads) {
    if (kindOf(history.known(register, other.position) ?? "") !== kind) continue;
    const addition = history
      .origin(register, other.position)
      .find(({ kind: how, at }) => how === "changed" && at.effect.reads.length > 1);
    if (addition === undefined) continue;
    const added = addition.at.effect.reads[1]!;
    return (
      causeOfRange(history, added, addition.at.position, "both") ?? {
        at: addition.at,
        text: `R${added} is not known exactly: what is compared after this says nothing of the start`,
      }
    );
  }
  return null;
}

/** A comparison of the packet's length as a number: what is learnt of that is not learnt of any pointer. */
function lengthCompared(history: History, before: number): Cause | null {
  const at = history.path.slice(0, before).findLast(({ effect, position }) => {
    if (effect.operation !== "branch") return false;
    return effect.reads.some((register) =>
      history.origin(register, position).some(({ at: { effect: made, position: where } }) => {
        if (made.operator !== "-=" || made.reads.length < 2) return false;
        return made.reads.every((each) => /^pkt/.test(history.known(each, where) ?? ""));
      }),
    );
  });
  if (at === undefined) return null;
  return {
    at,
    text: "this compares the packet's length, a number: of the pointers themselves the verifier learns nothing",
  };
}

function neverCompared(history: History, register: number, before: number): Cause | null {
  const oldest = history.origin(register, before).at(-1);
  if (oldest === undefined) return null;
  const kind = /^pkt_meta/.test(history.known(register, before) ?? "") ? "data" : "data_end";
  return {
    at: oldest.at,
    text: `the pointer comes from here; on this path it is never compared with ${kind}`,
  };
}

function newestComparison(
  history: History,
  before: number,
  after: number,
  matches: (value: string) => boolean,
): PathStep | null {
  for (let at = before - 1; at > after; at--) {
    const here = history.path[at]!;
    if (here.effect.operation !== "branch" || here.effect.reads.length !== 2) continue;
    // Logs of older kernels tell what is known behind branches alone.
    const values = here.effect.reads.map(
      (register) => history.known(register, at) ?? history.known(register, at + 1) ?? "",
    );
    if (values.every((value) => /^pkt/.test(value)) && values.some(matches)) return here;
  }
  return null;
}

function sameFamily(value: string, pointer: string): boolean {
  return kindOf(value) === kindOf(pointer) && idOf(value) === idOf(pointer);
}

function kindOf(value: string): string {
  return /^pkt(?:_meta)?(?=[(,]|$)/.exec(value)?.[0] ?? "";
}

function idOf(value: string): string {
  return /[(,]id=(\d+)/.exec(value)?.[1] ?? "0";
}

/** Bytes that are known to be there behind a comparison; null for none. */
function rangeBehind(history: History, { effect, position }: PathStep, pointer: string): number | null {
  for (const register of effect.reads) {
    const value = history.known(register, position + 1);
    if (value === null || !sameFamily(value, pointer)) continue;
    const range = BigInt.asIntN(16, BigInt(/\br=(0x[0-9a-f]+|\d+)/.exec(value)?.[1] ?? "0"));
    return range > 0n ? Number(range) : null;
  }
  return null;
}
