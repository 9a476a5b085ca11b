import { MAX_BPF_REG, REG_SIZE } from "./limits.ts";
import { RegType } from "./reg-type.ts";
import { Register } from "./register.ts";
import type { StackSlot } from "./stack-slot.ts";

/** A range of allowed return values, signed 32 bits, both ends included: `struct bpf_retval_range`. */
export interface ReturnRange {
  readonly min: number;
  readonly max: number;
}

export const ZERO_RETURN: ReturnRange = { min: 0, max: 0 };

/** `callsite` of a frame that no instruction called. */
export const MAIN_FUNC = -1;

/** One called function: its registers and its stack (`struct bpf_func_state`). */
export class Frame {
  readonly regs: Register[];
  /** Slot 0 is `[r10-8, r10)`; as long as the stack was touched (`allocated_stack / 8`). */
  readonly stack: StackSlot[];
  /** Index of the instruction that called; {@link MAIN_FUNC}. */
  callsite: number;
  /** Depth: 0 is the entry function. */
  frameno: number;
  subprogno: number;
  /** Counts starts of asynchronous callbacks. */
  asyncEntryCnt = 0;
  callbackReturn: ReturnRange = ZERO_RETURN;
  inCallback = false;
  inAsyncCallback = false;
  inExceptionCallback = false;
  /** How often the callback one frame up was simulated. */
  callbackDepth = 0;

  private constructor(
    callsite: number,
    frameno: number,
    subprogno: number,
    regs: Register[],
    stack: StackSlot[],
  ) {
    this.callsite = callsite;
    this.frameno = frameno;
    this.subprogno = subprogno;
    this.regs = regs;
    this.stack = stack;
  }

  /** A fresh frame: nothing in registers but the frame pointer (`init_func_state`). */
  static create(
    callsite: number,
    frameno: number,
    subprogno: number,
    options: { readonly precise: boolean },
  ): Frame {
    const regs: Register[] = [];
    for (let i = 0; i < MAX_BPF_REG; i++) {
      const reg = new Register();
      reg.markNotInit(options.precise);
      regs.push(reg);
    }
    const frame = new Frame(callsite, frameno, subprogno, regs, []);
    const fp = regs[MAX_BPF_REG - 1]!;
    fp.type = RegType.PTR_TO_STACK;
    fp.markKnownZero();
    fp.frameno = frameno;
    return frame;
  }

  /** With one and the same register in all places, for the caller to replace. */
  static filledWith(reg: Register): Frame {
    // A literal is no longer than its content; arrays that grow have room for more.
    const regs = [reg, reg, reg, reg, reg, reg, reg, reg, reg, reg, reg];
    return new Frame(MAIN_FUNC, 0, 0, regs, []);
  }

  /** The register, made the frame's own where other states hold it as well. */
  ownRegister(regno: number): Register {
    const reg = this.regs[regno]!;
    if (!reg.shared) return reg;
    const own = reg.clone();
    this.regs[regno] = own;
    return own;
  }

  /** The slot, made the frame's own where other states hold it as well. */
  ownSlot(spi: number): StackSlot {
    const slot = this.stack[spi]!;
    if (!slot.shared) return slot;
    const own = slot.clone();
    this.stack[spi] = own;
    return own;
  }

  /** Takes over everything but registers and stack. */
  copyScalars(other: Frame): void {
    this.callsite = other.callsite;
    this.frameno = other.frameno;
    this.subprogno = other.subprogno;
    this.asyncEntryCnt = other.asyncEntryCnt;
    this.callbackReturn = other.callbackReturn;
    this.inCallback = other.inCallback;
    this.inAsyncCallback = other.inAsyncCallback;
    this.inExceptionCallback = other.inExceptionCallback;
    this.callbackDepth = other.callbackDepth;
  }

  /** Bytes of stack that have a slot. */
  get allocatedStack(): number {
    return this.stack.length * REG_SIZE;
  }
}
