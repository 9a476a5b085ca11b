import type { Btf } from "../../btf/index.ts";
import type { VerifierMap } from "../environment/map.ts";

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
 * What a register knows only if it holds certain pointers: the union of `struct bpf_reg_state`, its members side by
 * side. Registers share it; one that changes its own makes a copy first.
 */
export class RegisterTarget {
  map: VerifierMap | null = null;
  mapUid = 0;
  btf: Btf | null = null;
  btfId = 0;
  memSize = 0;
  dynptrId = 0;
  dynptrType: DynptrType = DynptrType.INVALID;
  dynptrFirstSlot = false;
  iterState: IteratorState = IteratorState.INVALID;
  iterDepth = 0;
  irqClass: IrqClass = IrqClass.NATIVE;
  subprogno = 0;

  copy(): RegisterTarget {
    const copy = new RegisterTarget();
    copy.map = this.map;
    copy.mapUid = this.mapUid;
    copy.btf = this.btf;
    copy.btfId = this.btfId;
    copy.memSize = this.memSize;
    copy.dynptrId = this.dynptrId;
    copy.dynptrType = this.dynptrType;
    copy.dynptrFirstSlot = this.dynptrFirstSlot;
    copy.iterState = this.iterState;
    copy.iterDepth = this.iterDepth;
    copy.irqClass = this.irqClass;
    copy.subprogno = this.subprogno;
    return copy;
  }

  equals(other: RegisterTarget): boolean {
    return (
      this === other ||
      (this.map === other.map &&
        this.mapUid === other.mapUid &&
        this.btf === other.btf &&
        this.btfId === other.btfId &&
        this.memSize === other.memSize &&
        this.dynptrId === other.dynptrId &&
        this.dynptrType === other.dynptrType &&
        this.dynptrFirstSlot === other.dynptrFirstSlot &&
        this.iterState === other.iterState &&
        this.iterDepth === other.iterDepth &&
        this.irqClass === other.irqClass &&
        this.subprogno === other.subprogno)
    );
  }
}

/** That of all registers that hold no such pointer. */
export const NO_TARGET: RegisterTarget = new RegisterTarget();
