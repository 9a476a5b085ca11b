import type { Btf } from "../../btf/index.ts";
import type { Insn } from "../../isa/index.ts";
import { KfuncFlag } from "../../platform/index.ts";
import type { Environment } from "../environment/environment.ts";
import { type KfuncDescription, kfuncKey } from "../environment/kfunc-description.ts";
import type { VerifierMap } from "../environment/map.ts";
import type { BtfField } from "../environment/record.ts";
import { DynptrType } from "../state/register.ts";
import { kfuncFlags } from "./kfunc-sets.ts";
import type { KfuncSignature } from "./signature.ts";
import { SpecialKfunc } from "./special-kfunc.ts";

/** One call of a kernel function, and what its arguments have told so far: `struct bpf_kfunc_call_arg_meta`. */
export class KfuncCall {
  readonly kfunc: KfuncDescription;
  /** Bits of {@link KfuncFlag}. */
  readonly flags: number;
  refObjId = 0;
  /** Register whose reference is given back; 0 for none. */
  releaseRegno = 0;
  /** The function of the program that it gets. */
  subprogno = 0;
  /** Bytes of memory that it gives; 0: not said. */
  r0Size = 0;
  r0Rdonly = false;
  /** Value of the argument that has to be constant, unsigned; null before it was seen. */
  constant: bigint | null = null;
  /** The refcounted argument is owned. */
  argOwningRef = false;
  argProg = false;
  /** Struct of the program's that it works on. */
  argBtf: Btf | null = null;
  argBtfId = 0;
  /** Kernel type that it gives, where an argument decides it. */
  retBtfId = 0;
  listHead: BtfField | null = null;
  rbtreeRoot: BtfField | null = null;
  /** The dynptr among the arguments that is there already. */
  dynptrType: DynptrType = DynptrType.INVALID;
  dynptrId = 0;
  dynptrRefObjId = 0;
  /** Slot and frame of the iterator among the arguments. */
  iterSpi = 0;
  iterFrameno = 0;
  map: VerifierMap | null = null;
  mapUid = 0;

  constructor(kfunc: KfuncDescription, flags: number) {
    this.kfunc = kfunc;
    this.flags = flags;
  }

  get btf(): Btf {
    return this.kfunc.btf;
  }

  get name(): string {
    return this.kfunc.name;
  }

  get special(): SpecialKfunc {
    return this.kfunc.special;
  }

  get signature(): KfuncSignature {
    return this.kfunc.signature;
  }

  has(flag: number): boolean {
    return (this.flags & flag) !== 0;
  }

  /** `is_kfunc_release` */
  get releases(): boolean {
    return (this.flags & KfuncFlag.RELEASE) !== 0;
  }

  /** The result may be NULL (`is_kfunc_ret_null`). */
  get mayReturnNull(): boolean {
    // Who owns an object already can always take another reference.
    if (this.special === SpecialKfunc.bpf_refcount_acquire_impl && this.argOwningRef) return false;
    return (this.flags & KfuncFlag.RET_NULL) !== 0;
  }
}

/** The function that an instruction calls; undefined where none was entered for it (a call that names nothing). */
export function calledKfunc(env: Environment, insn: Insn): KfuncDescription | undefined {
  return insn.imm === 0 ? undefined : env.kfuncs.get(kfuncKey(insn.imm, insn.off));
}

/** A call to be checked; null where there is no such function, or not for such programs (`fetch_kfunc_meta`). */
export function fetchKfuncMeta(env: Environment, insn: Insn): KfuncCall | null {
  const kfunc = calledKfunc(env, insn);
  if (kfunc === undefined) return null;
  const flags = kfuncFlags(env, kfunc);
  return flags === null ? null : new KfuncCall(kfunc, flags);
}

/** `is_iter_next_kfunc` */
export function isIterNextKfunc(meta: KfuncCall): boolean {
  return meta.has(KfuncFlag.ITER_NEXT);
}
