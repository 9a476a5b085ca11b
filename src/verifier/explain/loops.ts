import { offsetOf } from "./cause-access.ts";
import type { History, Place } from "./history.ts";
import type { PathStep } from "./path-step.ts";
import { isPointer } from "./value-kind.ts";
import { exactOf, rangeOf } from "./value-range.ts";

/** A loop on the failing path that was gone through round by round. */
export interface Loop {
  /** Slots of its first and its last instruction, as they lie in the program. */
  readonly first: number;
  readonly last: number;
  /** Rounds on the path, for each time that it was entered. */
  readonly rounds: number;
  /** Instructions on the path that lie in it. */
  readonly visits: number;
  /** The newest jump back. */
  readonly back: PathStep;
  /** The comparison that counts the rounds, its newest visit; null where none does. */
  readonly counter: Counter | null;
}

/** A comparison of a number that is another one in each round. */
export interface Counter {
  readonly at: PathStep;
  readonly register: number;
  readonly value: bigint;
  /** What it is compared with; null where a register is. */
  readonly limit: bigint | null;
}

/** A branch whose sides were both possible when the path came there. */
export interface Split {
  readonly at: PathStep;
  /** How often on the path. */
  readonly times: number;
}

/** Rounds that make a loop worth naming. */
const FEW_ROUNDS = 3;

/** The loops of the failing path, those that take most of it first; of loops inside each other the outer one first. */
export function loopsOf({ path }: History): readonly Loop[] {
  const targets = new Map<
    string,
    { first: number; last: number; jumps: number; back: PathStep; frame: number }
  >();
  for (const here of path) {
    const next = path[here.position + 1];
    const jumps = here.effect.operation === "branch" || here.effect.operation === "goto";
    if (next === undefined || !jumps || next.frame !== here.frame || next.step.index > here.step.index)
      continue;
    const key = `${here.frame}:${next.step.index}`;
    const old = targets.get(key);
    targets.set(key, {
      first: next.step.index,
      last: Math.max(old?.last ?? 0, here.step.index),
      jumps: (old?.jumps ?? 0) + 1,
      back: here,
      frame: here.frame,
    });
  }
  const counts = visitsOf(path);
  const loops = [...targets.values()].map(({ first, last, jumps, back }) => {
    let visits = 0;
    for (const [index, times] of counts) if (index >= first && index <= last) visits += times;
    const entries = Math.max(1, (counts.get(first) ?? 0) - jumps);
    return {
      first,
      last,
      rounds: Math.ceil(jumps / entries),
      visits,
      back,
      counter: counterOf(path, first, last),
    };
  });
  return loops
    .filter(({ rounds }) => rounds >= FEW_ROUNDS)
    .sort((one, other) => other.visits - one.visits || other.last - other.first - (one.last - one.first));
}

function visitsOf(path: readonly PathStep[]): ReadonlyMap<number, number> {
  const counts = new Map<number, number>();
  for (const { step } of path) counts.set(step.index, (counts.get(step.index) ?? 0) + 1);
  return counts;
}

/** Visits that are looked at to find out what changes. */
const LOOKED_AT = 4;

function counterOf(path: readonly PathStep[], first: number, last: number): Counter | null {
  const seen = new Map<number, PathStep[]>();
  for (let at = path.length - 1; at >= 0; at--) {
    const here = path[at]!;
    if (here.effect.operation !== "branch" || here.step.index < first || here.step.index > last) continue;
    const visits = seen.get(here.step.index) ?? [];
    if (visits.length < LOOKED_AT) seen.set(here.step.index, [...visits, here]);
  }
  for (const visits of seen.values()) {
    for (const register of visits[0]!.effect.reads) {
      const values = visits.map(({ step }) => exactOf(step.after.get(`R${register}`) ?? ""));
      const known = values.filter((value): value is bigint => value !== null);
      if (known.length < FEW_ROUNDS || known.length < values.length) continue;
      if (new Set(known).size < known.length) continue;
      const at = visits[0]!;
      return { at, register, value: known[0]!, limit: at.effect.constant };
    }
  }
  return null;
}

/** The branches between two slots that may go both ways each time, those of most times first. */
export function splitsOf(history: History, first: number, last: number): readonly Split[] {
  const found = new Map<number, Split>();
  for (const here of history.path) {
    if (here.step.index < first || here.step.index > last || !isOpen(history, here)) continue;
    found.set(here.step.index, { at: here, times: (found.get(here.step.index)?.times ?? 0) + 1 });
  }
  return [...found.values()].sort((one, other) => other.times - one.times);
}

/** Whether a branch compares a number with a constant that it may or may not reach. */
function isOpen(history: History, { effect, position }: PathStep): boolean {
  const [register] = effect.reads;
  if (effect.operation !== "branch" || register === undefined || effect.constant === null) return false;
  const value = history.known(register, position);
  if (value === null || !/^(?:P?scalar|inv)/.test(value)) return false;
  const { smin, smax, umin, umax } = rangeOf(value);
  const { constant, operator } = effect;
  switch (operator) {
    case "==":
    case "!=":
      return smin <= constant && constant <= smax && smin !== smax;
    case "s<":
    case "s<=":
    case "s>":
    case "s>=":
      return smin <= constant && constant <= smax;
    default:
      return umin <= BigInt.asUintN(64, constant) && BigInt.asUintN(64, constant) <= umax;
  }
}

/** A value that a loop takes over from the round before, and changes: known exactly in each round. */
export interface Carried {
  readonly place: Place;
  readonly value: bigint;
  /** Where it was changed last. */
  readonly at: PathStep;
  /** A branch that it decides; null where the path has none. */
  readonly decides: PathStep | null;
}

/** What keeps the states of a loop's rounds apart besides its counter. */
export function carriedOf(history: History, loop: Loop): readonly Carried[] {
  const { path } = history;
  const round = lastRound(history, loop);
  if (round === null) return [];
  const { begin, end, written, taken } = round;
  const counted = new Set(
    loop.counter === null ? [] : neededOf(path, loop.counter.at.position, begin, [loop.counter.register]),
  );
  const found: Carried[] = [];
  for (const [key, { place, at }] of written) {
    const value = exactOf(history.knownOf(place, end) ?? "");
    if (value === null || !taken.has(key) || counted.has(key)) continue;
    const decides = path
      .slice(begin)
      .findLast(
        (each) =>
          each.effect.operation === "branch" &&
          neededOf(path, each.position, begin, each.effect.reads).includes(key),
      );
    found.push({ place, value, at, decides: decides ?? null });
  }
  return found;
}

/** The newest whole round of a loop: what it writes, and what it takes over from the one before. */
function lastRound({ path }: History, loop: Loop) {
  const arrivals = path.filter(
    ({ position, step, frame }) =>
      step.index === loop.first && frame === loop.back.frame && position <= loop.back.position + 1,
  );
  const [begin, end] = arrivals.slice(-2).map(({ position }) => position);
  if (begin === undefined || end === undefined) return null;
  const written = new Map<string, { readonly place: Place; readonly at: PathStep }>();
  const taken = new Set<string>();
  for (const here of path.slice(begin, end)) {
    for (const place of readsOf(here)) if (!written.has(keyOf(place))) taken.add(keyOf(place));
    for (const place of writesOf(here)) written.set(keyOf(place), { place, at: here });
  }
  return { begin, end, written, taken };
}

/** A pointer that each round of a loop moves on. */
export interface MovedPointer {
  readonly place: Place;
  /** As the log has it in the newest round: `"pkt(off=40,r=40)"`. */
  readonly value: string;
  readonly at: PathStep;
}

/** The pointer that keeps the states of a loop's rounds apart; null where none does. */
export function movedPointerOf(history: History, loop: Loop): MovedPointer | null {
  const round = lastRound(history, loop);
  if (round === null) return null;
  for (const [key, { place, at }] of round.written) {
    const [before, value] = [round.begin, round.end].map((position) => history.knownOf(place, position));
    if (!round.taken.has(key) || before == null || value == null || before === value) continue;
    if (!isPointer(value) || kindOf(before) !== kindOf(value)) continue;
    if (offsetOf(before) !== offsetOf(value)) return { place, value, at };
  }
  return null;
}

function kindOf(pointer: string): string {
  return /^[a-z_]+/.exec(pointer)?.[0] ?? "";
}

/** Whether a loop's rounds are those of an iterator: the verifier follows it until it learns nothing new. */
export function isIterator({ path }: History, { first, last }: Loop): boolean {
  return path.some(
    ({ step, effect }) =>
      step.index >= first && step.index <= last && /^bpf_iter_\w+_next/.test(effect.call ?? ""),
  );
}

/** The places whose values at `begin` go into registers at `end`, by name. */
function neededOf(
  path: readonly PathStep[],
  end: number,
  begin: number,
  registers: readonly number[],
): readonly string[] {
  const needed = new Set(registers.map((register) => keyOf({ frame: path[end]!.frame, register })));
  for (let at = end - 1; at >= begin; at--) {
    const here = path[at]!;
    const written = writesOf(here).map(keyOf);
    if (!written.some((key) => needed.has(key))) continue;
    for (const key of written) needed.delete(key);
    for (const place of readsOf(here)) needed.add(keyOf(place));
  }
  return [...needed];
}

function readsOf({ effect, frame, stack }: PathStep): Place[] {
  const places: Place[] = effect.reads.map((register) => ({ frame, register }));
  if (stack !== null && effect.operation === "load") places.push({ frame, slot: stack });
  return places;
}

function writesOf({ effect, frame, stack }: PathStep): Place[] {
  const places: Place[] = effect.writes < 0 ? [] : [{ frame, register: effect.writes }];
  if (stack !== null && effect.memory?.store === true) places.push({ frame, slot: stack });
  return places;
}

function keyOf(place: Place): string {
  return "slot" in place ? `${place.slot.frame}:fp${place.slot.offset}` : `${place.frame}:R${place.register}`;
}
