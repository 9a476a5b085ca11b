import type { PathStep, StackPlace } from "./path-step.ts";

/** Where a pointer to the stack points. */
interface Pointer {
  readonly frame: number;
  readonly offset: number;
}

/**
 * Which slots instructions access: follows r10 and its copies along a path. Logs at level 1 tell little of registers, so
 * what they do not say is computed.
 */
export class StackTrace {
  readonly #frames: Map<number, Pointer>[] = [];

  /** Takes up the next instruction of the path; gives what of the stack it accesses, or null. */
  follow({ step, effect, frame, opener, position }: Omit<PathStep, "stack">): StackPlace | null {
    const registers = this.#registers(frame, opener?.position === position - 1);
    if (step.before !== null) learn(registers, step.before, frame);
    let accessed: StackPlace | null = null;
    if (effect.memory !== null) {
      const base = registers.get(effect.memory.base);
      if (base !== undefined) {
        accessed = {
          frame: base.frame,
          offset: base.offset + effect.memory.offset,
          size: effect.memory.size,
        };
      }
    }
    this.#apply(registers, effect);
    learn(registers, step.after, frame);
    return accessed;
  }

  /** A function's registers; those that its caller passes on where it begins. */
  #registers(frame: number, begins: boolean): Map<number, Pointer> {
    const known = this.#frames[frame];
    if (known !== undefined && !begins) return known;
    const passed = [...(this.#frames[frame - 1] ?? [])].filter(
      ([register]) => register >= 1 && register <= 5,
    );
    const fresh = new Map<number, Pointer>([...passed, [10, { frame, offset: 0 }]]);
    this.#frames[frame] = fresh;
    return fresh;
  }

  #apply(registers: Map<number, Pointer>, effect: PathStep["effect"]): void {
    if (effect.operation === "call") {
      // Those of a function that is called are copied from r1 to r5 first; nobody reads them afterwards.
      registers.delete(0);
      if (effect.call?.startsWith("pc") !== true)
        for (let each = 1; each <= 5; each++) registers.delete(each);
      return;
    }
    if (effect.writes < 0) return;
    const from = registers.get(effect.reads[0] ?? -1);
    if (effect.operation === "mov" && !effect.narrow && from !== undefined) {
      registers.set(effect.writes, from);
      return;
    }
    const amount = effect.constant;
    if (
      effect.operation === "alu" &&
      from !== undefined &&
      amount !== null &&
      /^[+-]=$/.test(effect.operator)
    ) {
      const sum = from.offset + (effect.operator === "+=" ? Number(amount) : -Number(amount));
      registers.set(effect.writes, { frame: from.frame, offset: sum });
      return;
    }
    registers.delete(effect.writes);
  }
}

/** What the log says goes before what was computed. */
function learn(registers: Map<number, Pointer>, state: ReadonlyMap<string, string>, frame: number): void {
  for (const [name, value] of state) {
    if (!name.startsWith("R")) continue;
    const register = Number(name.slice(1));
    const pointer = /^fp(?:\[(\d+)\])?(-?\d+)?$/.exec(value.replace(/,call_-?\d+$/, ""));
    if (pointer === null) registers.delete(register);
    else {
      const owner = pointer[1] === undefined ? frame : Number(pointer[1]);
      registers.set(register, { frame: owner, offset: Number(pointer[2] ?? 0) });
    }
  }
}
