import { effectOf } from "./instruction.ts";
import type { LogStep } from "./log-model.ts";
import type { PathStep, StackPlace } from "./path-step.ts";
import { StackTrace } from "./stack-trace.ts";
import { isPointer } from "./value-kind.ts";

/** Where a value may be. */
export type Place =
  | { readonly frame: number; readonly register: number }
  | { readonly frame: number; readonly slot: StackPlace };

/** How a value came to where it is. */
export interface ValueLink {
  readonly at: PathStep;
  /** What has the value behind this instruction: `"R1"`, `"fp-8"`. */
  readonly place: string;
  /** What the log knew of it there; null where it does not say. */
  readonly known: string | null;
  /**
   * - `made`: the value is made here: by a call, a load, a constant.
   * - `changed`: arithmetic on a value that is followed further.
   * - `copied`: it comes from another register or a slot.
   * - `argument`: it is what the caller passed on.
   * - `returned`: a function of the program gives it.
   * - `clobbered`: the call does not keep the register.
   * - `partial`: a fill reads other bytes than one spill wrote, or something wrote into the slot in between.
   */
  readonly kind: "made" | "changed" | "copied" | "argument" | "returned" | "clobbered" | "partial";
}

/** The failing path, asked about values. */
export class History {
  readonly path: readonly PathStep[];

  constructor(steps: readonly LogStep[]) {
    const path: PathStep[] = [];
    const openers: (PathStep | null)[] = [null];
    const stack = new StackTrace();
    for (const [position, step] of steps.entries()) {
      const effect = effectOf(step.text);
      const { frame } = step;
      const previous = path[position - 1];
      if (previous !== undefined && frame > previous.frame) openers[frame] = previous;
      const here = { position, step, effect, frame, opener: openers[frame] ?? null };
      path.push({ ...here, stack: stack.follow(here) });
    }
    this.path = path;
  }

  get last(): PathStep | undefined {
    return this.path.at(-1);
  }

  /** What is known of a register in front of an instruction: the newest word of the log about it. */
  known(register: number, before: number): string | null {
    const here = this.path[before];
    return here === undefined ? null : this.knownOf({ frame: here.frame, register }, before);
  }

  /** The same of any place. */
  knownOf(place: Place, before: number): string | null {
    return this.#newest(place, before)?.value ?? null;
  }

  /** Where the log said last what a register holds: the position of that step; -1 where it never did. */
  knownAt(register: number, before: number): number {
    const here = this.path[before];
    return here === undefined ? -1 : (this.#newest({ frame: here.frame, register }, before)?.at ?? -1);
  }

  #newest(place: Place, before: number): { readonly value: string; readonly at: number } | null {
    const name = nameOf(place);
    for (let at = Math.min(before, this.path.length - 1); at >= 0; at--) {
      const here = this.path[at]!;
      if (at !== before) {
        const value = here.frame === place.frame ? here.step.after.get(name) : undefined;
        if (value !== undefined) return { value, at };
        if (this.#writer(here, place) !== null) return null;
      }
      // A state in front of the first instruction behind a call is that of the new frame.
      const value = here.frame === place.frame ? here.step.before?.get(name) : undefined;
      if (value !== undefined) return { value, at };
    }
    return null;
  }

  /** Follows a register back from in front of the instruction at `before`: newest first. */
  origin(register: number, before: number): readonly ValueLink[] {
    const here = this.path[before];
    return here === undefined ? [] : this.originOf({ frame: here.frame, register }, before);
  }

  /** The same of any place. */
  originOf(start: Place, before: number): readonly ValueLink[] {
    const links: ValueLink[] = [];
    let place = start;
    for (let at = before - 1; at >= 0; at--) {
      const here = this.path[at]!;
      const found = this.#writer(here, place);
      if (found === null) continue;
      const fill = links.at(-1);
      if (found.kind === "partial" && found.covers === true && fill !== undefined) {
        // The store is whole: it is the fill that reads something else.
        links[links.length - 1] = { ...fill, kind: "partial" };
        break;
      }
      const name = nameOf(place);
      links.push({ at: here, place: name, known: this.knownOf(place, at + 1), kind: found.kind });
      if (found.next === null) break;
      place = found.next;
    }
    return links;
  }

  /** What an instruction does to a place; null: nothing. */
  #writer(here: PathStep, place: Place): Found | null {
    if ("slot" in place) return storer(here, place.slot);
    const found = writer(this.path, here, place);
    if (found?.kind !== "changed") return found;
    const sum = this.sumOf(here);
    return sum === null ? found : { ...found, next: { frame: here.frame, register: sum.pointer } };
  }

  /** Which operand of an addition is the pointer, and which the number; null where it has no pointer. */
  sumOf({ effect, position, frame }: PathStep): { readonly pointer: number; readonly number: number } | null {
    const [left, right] = effect.reads;
    if (!/^[+-]=$/.test(effect.operator) || left === undefined || right === undefined) return null;
    const [one, other] = [left, right].map((register) =>
      isPointer(this.#newest({ frame, register }, position)?.value ?? null),
    );
    if (one === other) return null;
    return one ? { pointer: left, number: right } : { pointer: right, number: left };
  }

  /**
   * Where a value goes: calls for each instruction from behind `from` to in front of `to` with the places that hold the
   * value there, its copies and spills included; ends early where it returns false.
   */
  spread(
    origin: Place,
    from: number,
    to: number,
    visit: (here: PathStep, places: readonly Place[]) => boolean,
  ): readonly Place[] {
    let places: Place[] = [origin];
    for (let at = from + 1; at < to; at++) {
      const here = this.path[at]!;
      if (!visit(here, places)) return places;
      const kept = places.filter((place) => this.#writer(here, place) === null);
      for (const place of [...placesOf(here), ...passedTo(this.path, here, places)]) {
        const written = this.#writer(here, place);
        if (written?.next === null || written === null || written.kind === "changed") continue;
        if (
          places.some((each) => samePlace(each, written.next!)) &&
          !kept.some((each) => samePlace(each, place))
        )
          kept.push(place);
      }
      places = kept;
    }
    return places;
  }
}

export function nameOf(place: Place): string {
  return "slot" in place ? `fp${place.slot.offset}` : `R${place.register}`;
}

export function samePlace(one: Place, other: Place): boolean {
  if ("slot" in one) {
    return "slot" in other && one.slot.frame === other.slot.frame && one.slot.offset === other.slot.offset;
  }
  return "register" in other && one.frame === other.frame && one.register === other.register;
}

interface Found {
  readonly kind: ValueLink["kind"];
  readonly next: Place | null;
  /** Of partial stores: it writes all that is asked about, and more. */
  readonly covers?: boolean;
}

/** Places that an instruction may write. */
function placesOf({ effect, frame, stack }: PathStep): Place[] {
  const places: Place[] = [];
  if (effect.writes >= 0) places.push({ frame, register: effect.writes });
  if (stack !== null && effect.memory?.store === true) places.push({ frame, slot: stack });
  return places;
}

/** Registers of the frame that begins, or goes on, behind a call or return. */
function passedTo(path: readonly PathStep[], here: PathStep, places: readonly Place[]): Place[] {
  const next = path[here.position + 1];
  if (next === undefined || next.frame === here.frame) return [];
  return places.flatMap((place) =>
    "register" in place && place.frame === here.frame
      ? [{ frame: next.frame, register: place.register }]
      : [],
  );
}

function writer(
  path: readonly PathStep[],
  here: PathStep,
  { frame, register }: { readonly frame: number; readonly register: number },
): Found | null {
  const { effect } = here;
  const next = path[here.position + 1];
  const argument = register >= 1 && register <= 5;
  if (here.frame === frame - 1 && next?.frame === frame && next.opener === here) {
    // The function began here: arguments are the caller's registers; callbacks get theirs from the helper.
    if (effect.call?.startsWith("pc") !== true) return { kind: "made", next: null };
    return { kind: "argument", next: argument ? { frame: frame - 1, register } : null };
  }
  if (here.frame === frame + 1 && effect.operation === "exit" && register === 0) {
    if (here.opener?.effect.call?.startsWith("pc") !== true) return null;
    return { kind: "returned", next: { frame: frame + 1, register: 0 } };
  }
  if (here.frame !== frame) return null;
  if (effect.operation === "call" || effect.operation === "skb") {
    if (argument) return { kind: "clobbered", next: null };
    if (register !== 0) return null;
    return effect.call?.startsWith("pc") === true ? null : { kind: "made", next: null };
  }
  if (effect.writes !== register) return null;
  switch (effect.operation) {
    case "mov":
    case "movsx":
      return { kind: "copied", next: { frame, register: effect.reads[0]! } };
    case "alu": {
      // `r1 = be16 r1`, `r2 = addr_space_cast(r1, 0, 1)` change what stands on the right.
      const from = effect.operator === "=" ? effect.reads[0] : register;
      return { kind: "changed", next: from === undefined ? null : { frame, register: from } };
    }
    case "load":
      if (here.stack === null) return { kind: "made", next: null };
      return { kind: "copied", next: { frame, slot: here.stack } };
    default:
      return { kind: "made", next: null };
  }
}

function storer(here: PathStep, slot: StackPlace): Found | null {
  const { effect, stack, frame } = here;
  if (effect.operation === "call") {
    // A helper that writes to the stack: the log tells what is there afterwards.
    const whole = Math.floor(slot.offset / 8) * 8;
    const wrote = frame === slot.frame && here.step.after.has(`fp${whole}`);
    return wrote ? { kind: "made", next: null } : null;
  }
  if (stack === null || effect.memory?.store !== true || stack.frame !== slot.frame) return null;
  if (stack.offset >= slot.offset + slot.size || stack.offset + stack.size <= slot.offset) return null;
  const covers = stack.offset <= slot.offset && stack.offset + stack.size >= slot.offset + slot.size;
  if (effect.operation === "atomic") return { kind: "partial", next: null };
  if (!covers || stack.offset !== slot.offset) return { kind: "partial", next: null, covers };
  const value = effect.reads[1];
  return value === undefined
    ? { kind: "made", next: null }
    : { kind: "copied", next: { frame, register: value } };
}
