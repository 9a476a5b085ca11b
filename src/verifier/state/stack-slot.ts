import { REG_SIZE } from "./limits.ts";
import { Register } from "./register.ts";

/** What a byte of the stack holds: `enum bpf_stack_slot_type`. */
export const SlotType = {
  INVALID: 0,
  /** A byte of a spilled register. */
  SPILL: 1,
  /** Data of any value. */
  MISC: 2,
  ZERO: 3,
  DYNPTR: 4,
  ITER: 5,
  IRQ_FLAG: 6,
} as const;
export type SlotType = (typeof SlotType)[keyof typeof SlotType];

/** Eight bytes of a frame's stack: `struct bpf_stack_state`. */
export class StackSlot {
  /** A {@link SlotType} for each byte, from the highest address. A spill of n bytes stands in the *last* n entries. */
  readonly types: Uint8Array;
  /** The spilled register, or the state of a dynptr, iterator or saved interrupt flag. */
  readonly spilled: Register;

  constructor(types: Uint8Array = new Uint8Array(REG_SIZE), spilled: Register = new Register()) {
    this.types = types;
    this.spilled = spilled;
  }

  copyFrom(other: StackSlot): void {
    const { types } = this;
    for (let i = 0; i < REG_SIZE; i++) types[i] = other.types[i]!;
    this.spilled.copyFrom(other.spilled);
  }

  /** The slot's kind is told by its last byte. */
  get kind(): SlotType {
    return this.types[REG_SIZE - 1] as SlotType;
  }

  /** `is_spilled_reg`: a register was spilled here, whole or in part. */
  get isSpill(): boolean {
    return this.types[REG_SIZE - 1] === SlotType.SPILL;
  }
}
