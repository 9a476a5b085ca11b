import { Frame } from "./frame.ts";
import { MAX_BPF_REG } from "./limits.ts";
import { Register } from "./register.ts";
import { StackSlot } from "./stack-slot.ts";
import { VerifierState } from "./verifier-state.ts";

/** Nothing is known, nothing was written: what states that were cleaned hold in place of what they forgot. */
const DEAD_REGISTER = new Register();
DEAD_REGISTER.shared = true;
const DEAD_SLOT = new StackSlot();
DEAD_SLOT.shared = true;

/** Most parts that are kept for later. */
const MAX_FRAMES = 4096;
const MAX_REGISTERS = 65_536;
const MAX_SLOTS = 65_536;

/**
 * Copies states and takes those back that nobody refers to, so that a verification, which copies one at every branch,
 * is not spent on collecting garbage: parts of old states become parts of new ones.
 */
export class StatePool {
  readonly #frames: Frame[] = [];
  readonly #registers: Register[] = [];
  readonly #slots: StackSlot[] = [];

  /** A copy that shares nothing mutable (`copy_verifier_state`). */
  copy(state: VerifierState): VerifierState {
    return this.#copyWith(state, null);
  }

  /**
   * A copy to be cached. Between two cached states of a path few registers and slots change: those that are as in
   * `base` are its own objects, which the two share from now on. Only marks of precision change them afterwards, which
   * go by `Frame.ownRegister` and `Frame.ownSlot`.
   */
  snapshot(state: VerifierState, base: VerifierState | null): VerifierState {
    return this.#copyWith(state, base);
  }

  #copyWith(state: VerifierState, base: VerifierState | null): VerifierState {
    const copy = new VerifierState();
    copy.copyScalars(state);
    const { frames } = state;
    copy.frames = [this.#copyFrame(frames[0]!, base?.frames[0])];
    for (let i = 1; i < frames.length; i++) copy.frames.push(this.#copyFrame(frames[i]!, base?.frames[i]));
    copy.refs = state.refs.slice();
    copy.history = state.history.slice();
    return copy;
  }

  /**
   * Lets a state that is put aside share what it has in common with its parent, as {@link snapshot} does: many may wait
   * at a time. Nobody may change it until it is {@link unpack}ed.
   */
  pack(state: VerifierState): void {
    const { parent } = state;
    if (parent === null) return;
    const depth = Math.min(state.frames.length, parent.frames.length);
    for (let i = 0; i < depth; i++) {
      const { regs, stack } = state.frames[i]!;
      const base = parent.frames[i]!;
      for (let regno = 0; regno < MAX_BPF_REG; regno++) {
        const known = base.regs[regno]!;
        if (!known.isSameAs(regs[regno]!)) continue;
        known.shared = true;
        this.#keepRegister(regs[regno]!);
        regs[regno] = known;
      }
      const slots = Math.min(stack.length, base.stack.length);
      for (let spi = 0; spi < slots; spi++) {
        const known = base.stack[spi]!;
        if (!known.isSameAs(stack[spi]!)) continue;
        known.shared = true;
        this.#keepSlot(stack[spi]!);
        stack[spi] = known;
      }
    }
  }

  /** Makes everything in the state its own again. */
  unpack(state: VerifierState): void {
    for (const { regs, stack } of state.frames) {
      for (let regno = 0; regno < MAX_BPF_REG; regno++) {
        const reg = regs[regno]!;
        if (!reg.shared) continue;
        const own = this.#registers.pop() ?? new Register();
        own.copyFrom(reg);
        regs[regno] = own;
      }
      for (let spi = 0; spi < stack.length; spi++) {
        const slot = stack[spi]!;
        if (!slot.shared) continue;
        const own = this.#slots.pop() ?? new StackSlot();
        own.copyFrom(slot);
        stack[spi] = own;
      }
    }
  }

  /** Keeps nothing for later. */
  clear(): void {
    this.#frames.length = 0;
    this.#registers.length = 0;
    this.#slots.length = 0;
  }

  /** The state is not used any more, nor any register or slot of it that is its own. */
  release(state: VerifierState): void {
    for (const frame of state.frames) {
      if (this.#frames.length < MAX_FRAMES) this.#frames.push(frame);
    }
    state.frames = [];
  }

  /** A cached state needs to know nothing of a register. */
  forgetRegister(frame: Frame, regno: number): void {
    this.#keepRegister(frame.regs[regno]!);
    frame.regs[regno] = DEAD_REGISTER;
  }

  /** A cached state needs to know nothing of a slot. */
  forgetSlot(frame: Frame, spi: number): void {
    this.#keepSlot(frame.stack[spi]!);
    frame.stack[spi] = DEAD_SLOT;
  }

  #keepRegister(reg: Register): void {
    if (!reg.shared && this.#registers.length < MAX_REGISTERS) this.#registers.push(reg);
  }

  #keepSlot(slot: StackSlot): void {
    if (!slot.shared && this.#slots.length < MAX_SLOTS) this.#slots.push(slot);
  }

  #copyFrame(from: Frame, base: Frame | undefined): Frame {
    const frame = this.#frames.pop() ?? Frame.filledWith(DEAD_REGISTER);
    frame.copyScalars(from);
    const { regs } = frame;
    for (let i = 0; i < MAX_BPF_REG; i++) {
      const reg = from.regs[i]!;
      const known = base?.regs[i];
      if (known?.isSameAs(reg)) {
        known.shared = true;
        this.#keepRegister(regs[i]!);
        regs[i] = known;
        continue;
      }
      let own = regs[i]!;
      if (own.shared) {
        own = this.#registers.pop() ?? new Register();
        regs[i] = own;
      }
      own.copyFrom(reg);
    }
    this.#copyStack(frame, from, base);
    return frame;
  }

  #copyStack(frame: Frame, from: Frame, base: Frame | undefined): void {
    const { stack } = frame;
    const depth = from.stack.length;
    while (stack.length > depth) this.#keepSlot(stack.pop()!);
    for (let spi = 0; spi < depth; spi++) {
      const slot = from.stack[spi]!;
      const known = base?.stack[spi];
      if (known?.isSameAs(slot)) {
        known.shared = true;
        if (spi < stack.length) this.#keepSlot(stack[spi]!);
        stack[spi] = known;
        continue;
      }
      let own = stack[spi];
      if (own === undefined || own.shared) {
        own = this.#slots.pop() ?? new StackSlot();
        stack[spi] = own;
      }
      own.copyFrom(slot);
    }
  }
}
