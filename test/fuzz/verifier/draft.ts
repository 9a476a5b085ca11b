import type { Random } from "../random.ts";

/** A map that programs may use. */
export interface DraftMap {
  readonly name: string;
  /** As a case file describes it. */
  readonly text: string;
  readonly valueSize: number;
  readonly keySize: number;
  /** Its value may be named directly. */
  readonly direct: boolean;
}

/** What the generator believes of a register. It need not be right: wrong beliefs make rejected programs. */
export type Value =
  /** `max`: a bound that was established; null: none. */
  | { readonly kind: "scalar"; readonly max: number | null }
  | { readonly kind: "ctx" }
  | { readonly kind: "frame"; readonly off: number }
  /** `left`: bytes from here to the value's end. */
  | { readonly kind: "value"; readonly map: DraftMap; readonly left: number }
  | { readonly kind: "maybe"; readonly map: DraftMap; readonly id: number }
  /** `range`: bytes that were tested. */
  | { readonly kind: "packet"; readonly range: number }
  | { readonly kind: "end" };

export interface DraftState {
  /** r0 to r9. */
  readonly regs: (Value | undefined)[];
  /** By slot of 8 bytes, counted from the frame pointer down: `[0]` is fp-8. undefined: not written. */
  readonly stack: (Value | undefined)[];
}

export const SLOTS = 12;
export const SCALAR: Value = { kind: "scalar", max: null };

/** A function that is being written, with what is believed of the machine at its end. */
export class Draft {
  readonly random: Random;
  /** Maps with elements. */
  readonly maps: readonly DraftMap[];
  readonly ring: DraftMap | null;
  readonly lines: string[] = [];
  readonly usedMaps = new Set<DraftMap>();
  /** Registers that statements leave alone: loop counters, the context. */
  readonly kept = new Set<number>();
  state: DraftState;
  /** In a loop's body kinds stay as they are at its head. */
  fixedKinds = 0;
  /** Where packets are: offsets of the pointers in the context, or null. */
  readonly packet: { readonly data: number; readonly end: number } | null;
  /** Offsets of 32-bit fields of the context that give any number. */
  readonly fields: readonly number[];
  /** Bytes of one load of a field. */
  readonly fieldSize: "u32" | "u64";
  /** One bound of so many is not quite one. */
  readonly slipOneIn: number;
  /** Instructions that may still be written. */
  budget: number;
  #labels: { next: number };

  constructor(options: {
    readonly random: Random;
    readonly maps: readonly DraftMap[];
    readonly ring: DraftMap | null;
    readonly packet: Draft["packet"];
    readonly fields: readonly number[];
    readonly fieldSize: "u32" | "u64";
    readonly slipOneIn: number;
    readonly budget: number;
    readonly labels: { next: number };
  }) {
    this.random = options.random;
    this.maps = options.maps;
    this.ring = options.ring;
    this.packet = options.packet;
    this.fields = options.fields;
    this.fieldSize = options.fieldSize;
    this.slipOneIn = options.slipOneIn;
    this.budget = options.budget;
    this.#labels = options.labels;
    this.state = { regs: new Array(10).fill(undefined), stack: new Array(SLOTS).fill(undefined) };
  }

  emit(...lines: readonly string[]): void {
    for (const line of lines) this.lines.push(`  ${line}`);
    this.budget -= lines.length;
  }

  label(): string {
    return `l${this.#labels.next++}`;
  }

  place(label: string): void {
    this.lines.push(`${label}:`);
  }

  get(register: number): Value | undefined {
    return this.state.regs[register];
  }

  set(register: number, value: Value | undefined): void {
    this.state.regs[register] = value;
  }

  /** A call: r1 to r5 are gone. */
  called(result: Value | undefined): void {
    for (let i = 1; i <= 5; i++) this.set(i, undefined);
    this.set(0, result);
  }

  registersOf(kind: Value["kind"]): number[] {
    return this.state.regs.flatMap((value, register) => (value?.kind === kind ? [register] : []));
  }

  /** A register that holds a number; one is made where there is none. */
  scalar(): number {
    const found = this.registersOf("scalar");
    if (found.length > 0 && !this.random.oneIn(12)) return this.random.pick(found);
    const register = this.target();
    if (this.fields.length > 0 && this.random.oneIn(2) && this.registersOf("ctx").length > 0) {
      const ctx = this.random.pick(this.registersOf("ctx"));
      this.emit(`r${register} = *(${this.fieldSize} *)(r${ctx} + ${this.random.pick(this.fields)})`);
    } else this.emit(`r${register} = ${constant(this.random)}`);
    this.set(register, SCALAR);
    return register;
  }

  /** A register to write to. Saved ones keep their kind in a loop. */
  target(): number {
    const free = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9].filter(
      (register) =>
        !this.kept.has(register) &&
        (register < 6 || this.fixedKinds === 0 || this.get(register)?.kind === "scalar"),
    );
    // Registers that calls leave alone live longer.
    const saved = free.filter((register) => register >= 6);
    return saved.length > 0 && this.random.oneIn(2) ? this.random.pick(saved) : this.random.pick(free);
  }

  /** A register below r6 that is not `others`: for what lives a few instructions. */
  scratch(...others: readonly number[]): number {
    const free = [0, 1, 2, 3, 4, 5].filter((register) => !others.includes(register));
    return this.random.pick(free);
  }

  snapshot(): DraftState {
    return { regs: [...this.state.regs], stack: [...this.state.stack] };
  }

  /** What holds on both ways. */
  meet(other: DraftState): void {
    const both = (a: readonly (Value | undefined)[], b: readonly (Value | undefined)[]) =>
      a.map((value, i) => met(value, b[i]));
    this.state = { regs: both(this.state.regs, other.regs), stack: both(this.state.stack, other.stack) };
  }
}

function met(a: Value | undefined, b: Value | undefined): Value | undefined {
  if (a === undefined || b === undefined || a.kind !== b.kind) return undefined;
  if (a.kind === "scalar" && b.kind === "scalar") {
    return a.max === null || b.max === null ? SCALAR : { kind: "scalar", max: Math.max(a.max, b.max) };
  }
  if (a.kind === "packet" && b.kind === "packet") {
    return { kind: "packet", range: Math.min(a.range, b.range) };
  }
  if (a.kind === "value" && b.kind === "value" && a.map === b.map) return a.left < b.left ? a : b;
  return JSON.stringify(a) === JSON.stringify(b) ? a : undefined;
}

const CONSTANTS = [
  0, 1, -1, 2, 3, 4, 7, 8, 15, 16, 31, 32, 63, 64, 127, 128, 255, 256, 1000, 4095, 0x7fff, 0xffff, 0x10000,
  0x7fffffff, -2, -8, -64, -128, -0x7fffffff, -0x80000000,
] as const;

/** A number of 32 bits near which things change, or a small one. */
export function constant(random: Random): number {
  return random.oneIn(3) ? random.below(100) : random.pick(CONSTANTS);
}
