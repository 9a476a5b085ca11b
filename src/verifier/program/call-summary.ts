import type { Insn } from "../../isa/index.ts";
import { KfuncFlag } from "../../platform/index.ts";
import { BpfFuncId } from "../../uapi/index.ts";
import { RetType } from "../calls/argument-type.ts";
import { helperSignature } from "../calls/helper-signature.ts";
import type { Environment } from "../environment/environment.ts";
import { fetchKfuncMeta } from "../kfuncs/kfunc-meta.ts";
import { isHelperCall, isKfuncCall } from "./flow-kind.ts";

/** What a call reads and writes, by its prototype: `struct call_summary`. */
export interface CallSummary {
  readonly params: number;
  readonly returnsVoid: boolean;
  /** It keeps the registers that it has no parameter in. */
  readonly fastcall: boolean;
}

/** Null of calls of the program's functions, and of what is refused later (`get_call_summary`). */
export function getCallSummary(env: Environment, call: Insn): CallSummary | null {
  if (isHelperCall(call)) {
    const signature = helperSignature(env, call.imm);
    if (signature === null) return null;
    return {
      params: signature.args.length,
      returnsVoid: signature.returns === RetType.RET_VOID,
      fastcall: signature.prototype.fastcall && INLINED.has(call.imm),
    };
  }
  if (!isKfuncCall(call)) return null;
  const meta = fetchKfuncMeta(env, call);
  if (meta === null) return null;
  const { btf, prototype } = meta.kfunc;
  return {
    params: btf.vlen(prototype),
    returnsVoid: btf.ref(prototype) === 0,
    fastcall: meta.has(KfuncFlag.FASTCALL),
  };
}

/** Helpers that x86-64 writes out (`verifier_inlines_helper_call`, `bpf_jit_inlines_helper_call`). */
const INLINED: ReadonlySet<number> = new Set([BpfFuncId.get_smp_processor_id]);
