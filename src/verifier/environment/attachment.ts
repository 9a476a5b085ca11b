import type { Btf } from "../../btf/index.ts";
import type { ProgramType } from "../../platform/index.ts";
import type { RegisterType } from "../state/reg-type.ts";
import type { TargetProgram } from "./request.ts";

/** An argument of the context whose type says more than its declaration: `struct bpf_ctx_arg_aux`. */
export interface ContextArgumentInfo {
  /** In the context, in bytes. */
  readonly offset: number;
  readonly regType: RegisterType;
  readonly btf: Btf | null;
  readonly btfId: number;
  /** The program owns a reference to it (`__ref`). */
  readonly refcounted: boolean;
}

/** The checked target of a program (`struct bpf_attach_target_info`, and what `check_attach_btf_id` keeps). */
export interface Attachment {
  readonly btf: Btf | null;
  readonly btfId: number;
  /** `attach_func_name` */
  readonly functionName: string;
  /** The FUNC_PROTO of the target in `btf`; 0 for none. */
  readonly prototype: number;
  readonly program: TargetProgram | null;
  /** The type whose rules hold: an extension takes its target's (`resolve_prog_type`). */
  readonly resolvedType: ProgramType;
  /** Likewise its `expected_attach_type`. */
  readonly expectedAttachType: number;
  /** The target takes pointers that may be bad: `attach_btf_trace`. */
  readonly btfTrace: boolean;
  readonly address: bigint;
  readonly arguments: readonly ContextArgumentInfo[];
}
