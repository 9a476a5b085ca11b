import type { Btf } from "../../btf/index.ts";
import type { VerifierMap } from "../environment/map.ts";
import { type Bounds, constantBounds, UNKNOWN } from "../ranges/bounds.ts";
import { type RegisterType, RegType } from "./reg-type.ts";
import {
  type DynptrType,
  type IrqClass,
  type IteratorState,
  NO_TARGET,
  type RegisterTarget,
} from "./register-target.ts";

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

export { DynptrType, IrqClass, IteratorState } from "./register-target.ts";

/**
 * What is known of a register or of a spilled one: `struct bpf_reg_state`.
 *
 * The object is owned by one place (a register of a frame, a stack slot) and changed there; to move knowledge,
 * `copyFrom`. `bounds` and what `map` and `btf` refer to are immutable and shared.
 *
 * The `mark…` methods keep what the type does not use at 0 or null, so that two registers may be compared field by
 * field.
 */
export class Register {
  type: RegisterType = RegType.NOT_INIT;
  /** Fixed part of a pointer's offset, in bytes; of linked scalars see {@link ADD_CONST}. */
  off = 0;
  bounds: Bounds = UNKNOWN;
  /** Packet pointers: bytes behind them that are known to be there; `BEYOND_PKT_END`, `AT_PKT_END` of an end. */
  range = 0;
  /** What belongs to certain pointers alone; shared. */
  target: RegisterTarget = NO_TARGET;
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
  /** Several cached states hold it (see `StatePool.snapshot`): who changes it makes a copy first. */
  shared = false;

  /** Pointers to maps, keys and values. */
  get map(): VerifierMap | null {
    return this.target.map;
  }

  set map(value: VerifierMap | null) {
    if (this.target.map !== value) this.#ownTarget().map = value;
  }

  /** Not 0: the pointer comes from a lookup in an outer map, tells such lookups apart. */
  get mapUid(): number {
    return this.target.mapUid;
  }

  set mapUid(value: number) {
    if (this.target.mapUid !== value) this.#ownTarget().mapUid = value;
  }

  /** PTR_TO_BTF_ID, percpu ids, and iterators: where `btfId` is a type. */
  get btf(): Btf | null {
    return this.target.btf;
  }

  set btf(value: Btf | null) {
    if (this.target.btf !== value) this.#ownTarget().btf = value;
  }

  get btfId(): number {
    return this.target.btfId;
  }

  set btfId(value: number) {
    if (this.target.btfId !== value) this.#ownTarget().btfId = value;
  }

  /** PTR_TO_MEM: bytes. */
  get memSize(): number {
    return this.target.memSize;
  }

  set memSize(value: number) {
    if (this.target.memSize !== value) this.#ownTarget().memSize = value;
  }

  /** PTR_TO_MEM that is a slice of a dynptr: the dynptr's id. */
  get dynptrId(): number {
    return this.target.dynptrId;
  }

  set dynptrId(value: number) {
    if (this.target.dynptrId !== value) this.#ownTarget().dynptrId = value;
  }

  /** Dynptrs, on the stack and CONST_PTR_TO_DYNPTR. */
  get dynptrType(): DynptrType {
    return this.target.dynptrType;
  }

  set dynptrType(value: DynptrType) {
    if (this.target.dynptrType !== value) this.#ownTarget().dynptrType = value;
  }

  get dynptrFirstSlot(): boolean {
    return this.target.dynptrFirstSlot;
  }

  set dynptrFirstSlot(value: boolean) {
    if (this.target.dynptrFirstSlot !== value) this.#ownTarget().dynptrFirstSlot = value;
  }

  /** Slots of an iterator. */
  get iterState(): IteratorState {
    return this.target.iterState;
  }

  set iterState(value: IteratorState) {
    if (this.target.iterState !== value) this.#ownTarget().iterState = value;
  }

  get iterDepth(): number {
    return this.target.iterDepth;
  }

  set iterDepth(value: number) {
    if (this.target.iterDepth !== value) this.#ownTarget().iterDepth = value;
  }

  get irqClass(): IrqClass {
    return this.target.irqClass;
  }

  set irqClass(value: IrqClass) {
    if (this.target.irqClass !== value) this.#ownTarget().irqClass = value;
  }

  /** PTR_TO_FUNC: number of the subprogram. */
  get subprogno(): number {
    return this.target.subprogno;
  }

  set subprogno(value: number) {
    if (this.target.subprogno !== value) this.#ownTarget().subprogno = value;
  }

  #ownTarget(): RegisterTarget {
    const own = this.target.copy();
    this.target = own;
    return own;
  }

  clone(): Register {
    const copy = new Register();
    copy.copyFrom(this);
    return copy;
  }

  /** Takes over everything that is known of `other`. */
  copyFrom(other: Register): void {
    this.type = other.type;
    this.off = other.off;
    this.bounds = other.bounds;
    this.range = other.range;
    this.target = other.target;
    this.id = other.id;
    this.refObjId = other.refObjId;
    this.frameno = other.frameno;
    this.subregDef = other.subregDef;
    this.precise = other.precise;
  }

  /** Nothing else is known of `other`, and that by the same objects: a quick test that may miss what is equal. */
  isSameAs(other: Register): boolean {
    return (
      this.bounds === other.bounds &&
      this.type === other.type &&
      this.off === other.off &&
      this.id === other.id &&
      this.precise === other.precise &&
      this.subregDef === other.subregDef &&
      this.target === other.target &&
      this.range === other.range &&
      this.refObjId === other.refObjId &&
      this.frameno === other.frameno
    );
  }

  /** Takes over what belongs to certain pointer types alone: the kernel's `raw` words of the union. */
  copyTarget(other: Register): void {
    this.range = other.range;
    this.target = other.target;
  }

  /** Forgets what {@link copyTarget} takes over. */
  clearTarget(): void {
    this.range = 0;
    this.target = NO_TARGET;
  }

  /** A scalar is linked with no other any more, at whatever distance. */
  unlink(): void {
    this.id = 0;
    this.off = 0;
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
