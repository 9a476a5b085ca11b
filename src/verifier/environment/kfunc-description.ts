import type { Btf } from "../../btf/index.ts";
import type { KfuncSignature } from "../kfuncs/signature.ts";
import type { SpecialKfunc } from "../kfuncs/special-kfunc.ts";
import type { Attachment } from "./attachment.ts";

/** A function of the kernel or of a module that a program calls: `struct bpf_kfunc_desc`. */
export interface KfuncDescription {
  readonly btf: Btf;
  /** Its FUNC in `btf`. */
  readonly funcId: number;
  readonly name: string;
  /** Its FUNC_PROTO. */
  readonly prototype: number;
  readonly address: bigint;
  /** Which of those that the verifier knows by name. */
  readonly special: SpecialKfunc;
  readonly signature: KfuncSignature;
  /** What `kfuncFlags` last said, and of which target of the program; null before it was asked. */
  verdict: { readonly attach: Attachment | null; readonly flags: number | null } | null;
  /** By parameter, whether it is the program's context; null before it was asked. */
  contexts: readonly boolean[] | null;
}

/** Key of `Environment.kfuncs`: which function the call with this `imm` and `off` names. */
export function kfuncKey(imm: number, off: number): number {
  return imm * 0x1_0000 + (off & 0xffff);
}
