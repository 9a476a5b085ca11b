import { effectOf, type InstructionEffect } from "./instruction.ts";
import type { LogStep } from "./log-model.ts";

/** An instruction on the path, with what it does. */
export interface PathStep {
  readonly position: number;
  readonly step: LogStep;
  readonly effect: InstructionEffect;
  /** Calls that the function is in: counted along the path. */
  readonly depth: number;
}

/** How a value came to where it is, newest first. */
export interface ValueLink {
  readonly at: PathStep;
  /** The register, or slot (`"fp-8"`), that has the value behind this instruction. */
  readonly place: string;
  /** What the log knew of it there; null where it does not say. */
  readonly known: string | null;
  /**
   * - `made`: the value is made here: by a call, a load, a constant, arithmetic.
   * - `changed`: arithmetic on a value that is followed further.
   * - `copied`: it comes from another register or a slot.
   * - `argument`: it is what the caller passed on.
   * - `clobbered`: the call does not keep the register.
   */
  readonly kind: "made" | "changed" | "copied" | "argument" | "clobbered";
}

/** The failing path, asked about values. */
export class History {
  readonly path: readonly PathStep[];

  constructor(steps: readonly LogStep[]) {
    let depth = 0;
    this.path = steps.map((step, position) => {
      const effect = effectOf(step.text);
      const here: PathStep = { position, step, effect, depth };
      if (effect.call?.startsWith("pc") === true) depth++;
      else if (effect.operation === "exit" && depth > 0) depth--;
      return here;
    });
  }

  get last(): PathStep | undefined {
    return this.path.at(-1);
  }

  /** What is known of a register in front of an instruction: the newest word of the log about it. */
  known(register: number, before: number): string | null {
    const name = `R${register}`;
    for (let at = before; at >= 0; at--) {
      const here = this.path[at]!;
      const state = at === before ? here.step.before : (here.step.after.get(name) ?? null);
      const value = typeof state === "string" ? state : (state?.get(name) ?? here.step.before?.get(name));
      if (
        value !== undefined &&
        value !== null &&
        (at === before || here.depth === this.path[before]!.depth)
      ) {
        return value;
      }
      if (at !== before && writesRegister(here.effect, register)) return null;
    }
    return null;
  }

  /** Follows a register back from in front of the instruction at `before`. */
  origin(register: number, before: number): readonly ValueLink[] {
    const links: ValueLink[] = [];
    let place: { register: number } | { slot: number } = { register };
    let depth = this.path[before]?.depth ?? 0;
    for (let at = before - 1; at >= 0; at--) {
      const here = this.path[at]!;
      const found: Found | null =
        "register" in place ? this.#writer(here, place.register, depth) : storer(here, place.slot, depth);
      if (found === null) continue;
      const name = "register" in place ? `R${place.register}` : `fp${place.slot}`;
      links.push({ at: here, place: name, known: here.step.after.get(name) ?? null, kind: found.kind });
      if (found.next === null) break;
      place = found.next;
      depth = found.depth;
    }
    return links;
  }

  /** What an instruction does to a register of a function at some depth; null: nothing. */
  #writer(here: PathStep, register: number, depth: number): Found | null {
    const { effect } = here;
    if (here.depth === depth - 1 && effect.call?.startsWith("pc") === true) {
      // The function began here: arguments are the caller's registers.
      const passed = register >= 1 && register <= 5;
      return { kind: "argument", next: passed ? { register } : null, depth: depth - 1 };
    }
    if (here.depth === depth + 1 && effect.operation === "exit" && register === 0) {
      return { kind: "copied", next: { register: 0 }, depth: depth + 1 };
    }
    if (here.depth !== depth) return null;
    if (effect.operation === "call") {
      if (effect.call?.startsWith("pc") === true) return register >= 1 && register <= 5 ? lost(depth) : null;
      if (register === 0) return { kind: "made", next: null, depth };
      return register >= 1 && register <= 5 ? lost(depth) : null;
    }
    if (effect.writes !== register) return null;
    switch (effect.operation) {
      case "mov":
      case "movsx":
        return { kind: "copied", next: { register: effect.reads[0]! }, depth };
      case "alu":
        return { kind: "changed", next: { register }, depth };
      case "load":
        if (effect.stack !== null) return { kind: "copied", next: { slot: effect.stack.offset }, depth };
        return { kind: "made", next: null, depth };
      default:
        return { kind: "made", next: null, depth };
    }
  }
}

interface Found {
  readonly kind: ValueLink["kind"];
  readonly next: { register: number } | { slot: number } | null;
  readonly depth: number;
}

function lost(depth: number): Found {
  return { kind: "clobbered", next: null, depth };
}

function storer(here: PathStep, slot: number, depth: number): Found | null {
  const { effect } = here;
  if (here.depth !== depth || effect.stack?.store !== true || effect.stack.offset !== slot) return null;
  const value = effect.reads[1];
  return value === undefined
    ? { kind: "made", next: null, depth }
    : { kind: "copied", next: { register: value }, depth };
}

function writesRegister(effect: InstructionEffect, register: number): boolean {
  if (effect.operation === "call") return register <= 5;
  return effect.writes === register;
}
