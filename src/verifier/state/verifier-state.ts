import type { Frame } from "./frame.ts";
import type { HistoryEntry } from "./history.ts";
import type { Reference } from "./reference.ts";
import type { Register } from "./register.ts";
import { SlotType as Slot, type SlotType } from "./stack-slot.ts";

/** All that is known at one point of one path: `struct bpf_verifier_state`. */
export class VerifierState {
  /** The call stack; the last is the current one (`curframe` is `frames.length - 1`). */
  frames: Frame[] = [];
  parent: VerifierState | null = null;
  /** In the order in which they were taken. */
  refs: Reference[] = [];
  /** Paths from here that are still to be explored. */
  branches = 0;
  insnIdx = 0;
  activeLocks = 0;
  activePreemptLocks = 0;
  activeIrqId = 0;
  activeLockId = 0;
  activeLockObject: object | null = null;
  activeRcuLock = false;
  /** Explored only because a CPU may get here by a wrong guess. */
  speculative = false;
  inSleepable = false;
  /** What no later instruction reads was removed. */
  cleaned = false;
  firstInsnIdx = 0;
  lastInsnIdx = 0;
  /** Of a state at a back edge: the cached one that it equals. */
  equalState: VerifierState | null = null;
  /** Steps from first to last. */
  history: HistoryEntry[] = [];
  dfsDepth = 0;
  callbackUnrollDepth = 0;
  mayGotoDepth = 0;
  /** Of a cached state: how often another one met it and was not, or was, covered by it. */
  missCount = 0;
  hitCount = 0;
  /** Of a cached state: taken out of the cache. */
  evicted = false;

  /** Index of the current frame. */
  get curframe(): number {
    return this.frames.length - 1;
  }

  /** The current frame (`cur_func`). */
  get frame(): Frame {
    return this.frames[this.frames.length - 1]!;
  }

  /** Registers of the current frame (`cur_regs`). */
  get regs(): Register[] {
    return this.frames[this.frames.length - 1]!.regs;
  }

  /** Takes over everything but frames, references and history. */
  copyScalars(other: VerifierState): void {
    this.parent = other.parent;
    this.branches = other.branches;
    this.insnIdx = other.insnIdx;
    this.activeLocks = other.activeLocks;
    this.activePreemptLocks = other.activePreemptLocks;
    this.activeIrqId = other.activeIrqId;
    this.activeLockId = other.activeLockId;
    this.activeLockObject = other.activeLockObject;
    this.activeRcuLock = other.activeRcuLock;
    this.speculative = other.speculative;
    this.inSleepable = other.inSleepable;
    this.cleaned = other.cleaned;
    this.firstInsnIdx = other.firstInsnIdx;
    this.lastInsnIdx = other.lastInsnIdx;
    this.equalState = other.equalState;
    this.dfsDepth = other.dfsDepth;
    this.callbackUnrollDepth = other.callbackUnrollDepth;
    this.mayGotoDepth = other.mayGotoDepth;
  }

  /**
   * Calls `visit` for every register of every frame, then for every stack slot whose last byte is in `kinds`, a bit
   * set of `1 << SlotType` (`bpf_for_each_reg_in_vstate_mask`); spilled registers alone by default.
   */
  forEachRegister(
    visit: (reg: Register, frame: Frame) => void,
    kinds: number = 1 << (Slot.SPILL satisfies SlotType),
  ): void {
    for (const frame of this.frames) {
      for (const reg of frame.regs) visit(reg, frame);
      for (const slot of frame.stack) {
        if (((1 << slot.kind) & kinds) !== 0) visit(slot.spilled, frame);
      }
    }
  }
}
