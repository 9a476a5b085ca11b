import type { Btf } from "../../btf/index.ts";
import type { VerifierMap } from "../environment/map.ts";
import { type Bounds, constantBounds, UNKNOWN } from "../ranges/bounds.ts";
import { type RegisterType, RegType } from "./reg-type.ts";

/** `subreg_def` of a register whose upper half no instruction is in charge of. */
export const DEF_NOT_SUBREG = 0;

/**
 * Upper bits of a scalar's id: `off` is its constant distance from the others with this id, by a 64-bit or by a 32-bit
 * addition.
 */
export const ADD_CONST64 = 0x8000_0000;
export const ADD_CONST32 = 0x4000_0000;
/** Either (`BPF_ADD_CONST`). */
export const ADD_CONST: number = ADD_CONST64 + ADD_CONST32;
/** What is left of an id without them. */
export const ID_MASK: number = ADD_CONST32 - 1;

/** States of an open-coded iterator (`enum bpf_iter_state`). */
export const IteratorState = { INVALID: 0, ACTIVE: 1, DRAINED: 2 } as const;
export type IteratorState = (typeof IteratorState)[keyof typeof IteratorState];

/** `enum bpf_dynptr_type` */
export const DynptrType = { INVALID: 0, LOCAL: 1, RINGBUF: 2, SKB: 3, XDP: 4, SKB_META: 5 } as const;
export type DynptrType = (typeof DynptrType)[keyof typeof DynptrType];

/** Which functions a saved interrupt state belongs to. */
export const IrqClass = { NATIVE: 0, LOCK: 1 } as const;
export type IrqClass = (typeof IrqClass)[keyof typeof IrqClass];

/**
 * What is known of a register or of a spilled one: `struct bpf_reg_state`.
 *
 * The object is owned by one place (a register of a frame, a stack slot) and changed there; to move knowledge,
 * `copyFrom`. `bounds` and what `map` and `btf` refer to are immutable and shared.
 *
 * Fields of the kernel's union stand side by side; {@link copyFrom} and the `mark…` methods keep those that the type
 * does not use at 0 or null, so that two registers may be compared field by field.
 */
export class Register {
  type: RegisterType = RegType.NOT_INIT;
  /** Fixed part of a pointer's offset, in bytes; of linked scalars see {@link ADD_CONST}. */
  off = 0;
  bounds: Bounds = UNKNOWN;
  /** Packet pointers: bytes behind them that are known to be there; `BEYOND_PKT_END`, `AT_PKT_END` of an end. */
  range = 0;
  /** Pointers to maps, keys and values. */
  map: VerifierMap | null = null;
  /** Not 0: the pointer comes from a lookup in an outer map, tells such lookups apart. */
  mapUid = 0;
  /** PTR_TO_BTF_ID, percpu ids, and iterators: where `btfId` is a type. */
  btf: Btf | null = null;
  btfId = 0;
  /** PTR_TO_MEM: bytes. */
  memSize = 0;
  /** PTR_TO_MEM that is a slice of a dynptr: the dynptr's id. */
  dynptrId = 0;
  /** Dynptrs, on the stack and CONST_PTR_TO_DYNPTR. */
  dynptrType: DynptrType = DynptrType.INVALID;
  dynptrFirstSlot = false;
  /** Slots of an iterator. */
  iterState: IteratorState = IteratorState.INVALID;
  iterDepth = 0;
  irqClass: IrqClass = IrqClass.NATIVE;
  /** PTR_TO_FUNC: number of the subprogram. */
  subprogno = 0;
  /** Same id: same value (scalars), same variable offset (packet), same null test (may be null). */
  id = 0;
  /** Id of the reference that keeps the object alive; 0 for none. */
  refObjId = 0;
  /** PTR_TO_STACK: which frame. */
  frameno = 0;
  /** 1 + index of the instruction that defined the low half and left the upper zero; {@link DEF_NOT_SUBREG}. */
  subregDef = DEF_NOT_SUBREG;
  /** Scalars: the exact bounds matter for safety. */
  precise = false;

  clone(): Register {
    const copy = new Register();
    copy.copyFrom(this);
    return copy;
  }

  /** Takes over everything that is known of `other`. */
  copyFrom(other: Register): void {
    this.id = other.id;
    this.refObjId = other.refObjId;
    this.off = other.off;
    this.bounds = other.bounds;
    this.subregDef = other.subregDef;
    this.precise = other.precise;
    // Scalars, and registers without a value, have nothing else.
    if (this.type === other.type && other.type <= RegType.SCALAR_VALUE) return;
    this.type = other.type;
    this.range = other.range;
    this.map = other.map;
    this.mapUid = other.mapUid;
    this.btf = other.btf;
    this.btfId = other.btfId;
    this.memSize = other.memSize;
    this.dynptrId = other.dynptrId;
    this.dynptrType = other.dynptrType;
    this.dynptrFirstSlot = other.dynptrFirstSlot;
    this.iterState = other.iterState;
    this.iterDepth = other.iterDepth;
    this.irqClass = other.irqClass;
    this.subprogno = other.subprogno;
    this.frameno = other.frameno;
  }

  /** Takes over what belongs to certain pointer types alone: the kernel's `raw` words of the union. */
  copyTarget(other: Register): void {
    this.range = other.range;
    this.map = other.map;
    this.mapUid = other.mapUid;
    this.btf = other.btf;
    this.btfId = other.btfId;
    this.memSize = other.memSize;
    this.dynptrId = other.dynptrId;
    this.dynptrType = other.dynptrType;
    this.dynptrFirstSlot = other.dynptrFirstSlot;
    this.iterState = other.iterState;
    this.iterDepth = other.iterDepth;
    this.irqClass = other.irqClass;
    this.subprogno = other.subprogno;
  }

  /** Forgets what {@link copyTarget} takes over. */
  clearTarget(): void {
    this.range = 0;
    this.map = null;
    this.mapUid = 0;
    this.btf = null;
    this.btfId = 0;
    this.memSize = 0;
    this.dynptrId = 0;
    this.dynptrType = DynptrType.INVALID;
    this.dynptrFirstSlot = false;
    this.iterState = IteratorState.INVALID;
    this.iterDepth = 0;
    this.irqClass = IrqClass.NATIVE;
    this.subprogno = 0;
  }

  /** Takes a known value, or a pointer's offset, but keeps the type, `subregDef` and `precise` (`__mark_reg_known`). */
  markKnown(value: bigint): void {
    this.clearTarget();
    this.off = 0;
    this.id = 0;
    this.refObjId = 0;
    this.bounds = constantBounds(value);
  }

  /** Offset 0 and nothing variable; the type is the caller's (`__mark_reg_known_zero`). */
  markKnownZero(): void {
    this.markKnown(0n);
  }

  /** The scalar `value`; `precise` where no precision is tracked (not bpf_capable) (`__mark_reg_const_zero`, for any). */
  markConstant(value: bigint, precise: boolean): void {
    this.markKnown(value);
    this.type = RegType.SCALAR_VALUE;
    this.precise = precise;
  }

  /** A scalar of any value (`__mark_reg_unknown_imprecise`); `subregDef` stays. */
  markUnknownImprecise(): void {
    this.clearTarget();
    this.type = RegType.SCALAR_VALUE;
    this.off = 0;
    this.id = 0;
    this.refObjId = 0;
    this.frameno = 0;
    this.precise = false;
    this.bounds = UNKNOWN;
  }

  /** `__mark_reg_unknown`; `precise` where no precision is tracked (not bpf_capable). */
  markUnknown(precise: boolean): void {
    this.markUnknownImprecise();
    this.precise = precise;
  }

  /** `__mark_reg_not_init` */
  markNotInit(precise: boolean): void {
    this.markUnknown(precise);
    this.type = RegType.NOT_INIT;
  }
}
