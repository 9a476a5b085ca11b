import type { Btf } from "../../btf/index.ts";
import type { ProgramType } from "../../platform/index.ts";
import type { TargetProgram } from "./request.ts";

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
  /** The target takes pointers that may be bad: `attach_btf_trace`. */
  readonly btfTrace: boolean;
  readonly address: bigint;
}
