import type { InstructionEffect } from "./instruction.ts";
import type { LogStep } from "./log-model.ts";

/** Eight bytes or less of the stack of a frame. */
export interface StackPlace {
  readonly frame: number;
  /** From that frame's r10; negative. */
  readonly offset: number;
  /** Bytes. */
  readonly size: number;
}

/** An instruction on the path, with what it does. */
export interface PathStep {
  readonly position: number;
  readonly step: LogStep;
  readonly effect: InstructionEffect;
  readonly frame: number;
  /** The call that the frame began with; null in the entry function. */
  readonly opener: PathStep | null;
  /** What of the stack it reads or writes; null for none, or where that is not known. */
  readonly stack: StackPlace | null;
}
