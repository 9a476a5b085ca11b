import type { Btf } from "../../btf/index.ts";
import type { CallMemory } from "../access/access-type.ts";
import type { VerifierMap } from "../environment/map.ts";
import type { BtfField } from "../environment/record.ts";

/** What the arguments of a call have told so far: `struct bpf_call_arg_meta`. */
export class CallMeta implements CallMemory {
  /** `BPF_FUNC_*`; 0 for a function of the program. */
  readonly funcId: number;
  map: VerifierMap | null = null;
  mapUid = 0;
  rawMode = false;
  readonly pktAccess: boolean;
  /** Register of the argument that is given back; 0 for none. */
  releaseRegno = 0;
  regno = 0;
  accessSize = 0;
  /** Bytes that an allocating call was asked for. */
  memSize = 0;
  msizeMaxValue = 0n;
  refObjId = 0;
  dynptrId = 0;
  /** The per-CPU variable that is asked for. */
  retBtf: Btf | null = null;
  retBtfId = 0;
  /** Of a callback. */
  subprogno = 0;
  kptrField: BtfField | null = null;
  /** The key where it is known; negative where it is not. */
  constMapKey = 0n;

  constructor(funcId: number, pktAccess: boolean) {
    this.funcId = funcId;
    this.pktAccess = pktAccess;
  }
}
