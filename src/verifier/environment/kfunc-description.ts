import type { Btf } from "../../btf/index.ts";

/** A function of the kernel or of a module that a program calls: `struct bpf_kfunc_desc`. */
export interface KfuncDescription {
  readonly btf: Btf;
  /** Its FUNC in `btf`. */
  readonly funcId: number;
  readonly name: string;
  /** Its FUNC_PROTO. */
  readonly prototype: number;
  readonly address: bigint;
}
