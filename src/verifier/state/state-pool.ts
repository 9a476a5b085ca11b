import { Frame } from "./frame.ts";
import { MAX_BPF_REG } from "./limits.ts";
import { Register } from "./register.ts";
import { StackSlot } from "./stack-slot.ts";
import { VerifierState } from "./verifier-state.ts";

/** Nothing is known, nothing was written: shared by all states that were cleaned, which nobody changes any more. */
const DEAD_REGISTER = new Register();
const DEAD_SLOT = new StackSlot();

/** Most parts that are kept for later. */
const MAX_FRAMES = 4096;
const MAX_REGISTERS = 16_384;
const MAX_SLOTS = 16_384;

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
    const copy = new VerifierState();
    copy.copyScalars(state);
    for (const frame of state.frames) copy.frames.push(this.#copyFrame(frame));
    copy.refs = state.refs.slice();
    copy.history = state.history.slice();
    return copy;
  }

  /** Keeps nothing for later. */
  clear(): void {
    this.#frames.length = 0;
    this.#registers.length = 0;
    this.#slots.length = 0;
  }

  /** The state is not used any more, nor any register or slot of it. */
  release(state: VerifierState): void {
    for (const frame of state.frames) {
      if (this.#frames.length < MAX_FRAMES) this.#frames.push(frame);
    }
    state.frames = [];
  }

  /** A cached state needs to know nothing of a register. */
  forgetRegister(frame: Frame, regno: number): void {
    const reg = frame.regs[regno]!;
    if (reg === DEAD_REGISTER) return;
    if (this.#registers.length < MAX_REGISTERS) this.#registers.push(reg);
    frame.regs[regno] = DEAD_REGISTER;
  }

  /** A cached state needs to know nothing of a slot. */
  forgetSlot(frame: Frame, spi: number): void {
    const slot = frame.stack[spi]!;
    if (slot === DEAD_SLOT) return;
    this.#keepSlot(slot);
    frame.stack[spi] = DEAD_SLOT;
  }

  #keepSlot(slot: StackSlot): void {
    if (this.#slots.length < MAX_SLOTS) this.#slots.push(slot);
  }

  #copyFrame(from: Frame): Frame {
    const frame = this.#frames.pop() ?? Frame.blank();
    frame.copyScalars(from);
    const { regs, stack } = frame;
    for (let i = 0; i < MAX_BPF_REG; i++) {
      let reg = regs[i]!;
      if (reg === DEAD_REGISTER) {
        reg = this.#registers.pop() ?? new Register();
        regs[i] = reg;
      }
      reg.copyFrom(from.regs[i]!);
    }
    const depth = from.stack.length;
    while (stack.length > depth) {
      const slot = stack.pop()!;
      if (slot !== DEAD_SLOT) this.#keepSlot(slot);
    }
    for (let spi = 0; spi < depth; spi++) {
      let slot = stack[spi];
      if (slot === undefined || slot === DEAD_SLOT) {
        slot = this.#slots.pop() ?? new StackSlot();
        stack[spi] = slot;
      }
      slot.copyFrom(from.stack[spi]!);
    }
    return frame;
  }
}
