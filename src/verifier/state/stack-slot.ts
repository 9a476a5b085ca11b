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

/** Bits of one byte's {@link SlotType} in {@link StackSlot.types}. */
const TYPE_BITS = 3;
const TYPE_MASK = 0b111;
/** A type in all eight places is this times the type. */
const EVERYWHERE = 0o11111111;

/**
 * Eight bytes of a frame's stack: `struct bpf_stack_state`.
 *
 * Byte 0 is the one at the highest address, as in the kernel. A spill of n bytes stands in the *last* n of them.
 */
export class StackSlot {
  /** The {@link SlotType}s of the bytes, that of byte 0 in the lowest bits. */
  types = 0;
  /** The spilled register, or the state of a dynptr, iterator or saved interrupt flag. */
  readonly spilled: Register = new Register();
  /** Several cached states hold it (see `StatePool.snapshot`): who changes it makes a copy first. */
  shared = false;

  clone(): StackSlot {
    const copy = new StackSlot();
    copy.copyFrom(this);
    return copy;
  }

  /** As `Register.isSameAs`. */
  isSameAs(other: StackSlot): boolean {
    return this.types === other.types && this.spilled.isSameAs(other.spilled);
  }

  copyFrom(other: StackSlot): void {
    this.types = other.types;
    this.spilled.copyFrom(other.spilled);
  }

  typeOf(byte: number): SlotType {
    return ((this.types >>> (byte * TYPE_BITS)) & TYPE_MASK) as SlotType;
  }

  setType(byte: number, type: SlotType): void {
    const shift = byte * TYPE_BITS;
    this.types = (this.types & ~(TYPE_MASK << shift)) | (type << shift);
  }

  /** All bytes are of the type from now on. */
  fill(type: SlotType): void {
    this.types = type * EVERYWHERE;
  }

  /** All bytes are of the type. */
  isFilled(type: SlotType): boolean {
    return this.types === type * EVERYWHERE;
  }

  /** Some byte is of the type. */
  includes(type: SlotType): boolean {
    for (let byte = 0; byte < REG_SIZE; byte++) if (this.typeOf(byte) === type) return true;
    return false;
  }

  /** The slot's kind is told by its last byte. */
  get kind(): SlotType {
    return this.typeOf(REG_SIZE - 1);
  }

  /** `is_spilled_reg`: a register was spilled here, whole or in part. */
  get isSpill(): boolean {
    return this.typeOf(REG_SIZE - 1) === SlotType.SPILL;
  }
}
