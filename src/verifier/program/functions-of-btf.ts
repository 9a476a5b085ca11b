import { BtfKind } from "../../btf/index.ts";
import { Errno } from "../../uapi/index.ts";
import type { Environment } from "../environment/environment.ts";
import type { SourceRecord } from "../environment/request.ts";
import { isSmallInt, skipModifiers } from "../types/walk.ts";

/** Reads types and function records, what each says by itself (`check_btf_info_early`). */
export function readFunctions(env: Environment): void {
  const read = env.request.records?.functions() ?? null;
  if (read !== null) env.debug = { ...read, lines: [] };
}

/**
 * The function records fit the subprograms, which take their names and linkage from them (`check_btf_func`). Without
 * records nothing is known of what a subprogram returns, and what ends it early must not be there.
 */
export function checkBtfFunc(env: Environment): void {
  const { debug } = env;
  if (debug === null || debug.functions.length === 0) {
    checkAbnormalReturn(env);
    return;
  }
  const { btf, functions } = debug;
  if (functions.length !== env.subprograms.length) {
    env.refuse(Errno.EINVAL, "number of funcs in func_info doesn't match number of subprogs");
  }
  env.subprograms.forEach((subprogram, i) => {
    const { slot, typeId } = functions[i]!;
    if (slot !== subprogram.start) {
      env.refuse(Errno.EINVAL, "func_info BTF section doesn't match subprog layout in BPF program");
    }
    const func = btf.type(typeId);
    subprogram.typeId = typeId;
    subprogram.name = btf.name(typeId);
    subprogram.global = func.kind === "FUNC" && func.linkage === "global";
    const result = skipModifiers(btf, btf.ref(btf.ref(typeId)));
    const kind = btf.kind(result);
    const scalar = isSmallInt(btf, result) || kind === BtfKind.ENUM || kind === BtfKind.ENUM64;
    if (i === 0 || scalar) return;
    const refuse = (what: string): never =>
      env.refuse(Errno.EINVAL, `${what} is only allowed in functions that return 'int'.`);
    if (subprogram.hasLdAbs) refuse("LD_ABS");
    if (subprogram.hasTailCall) refuse("tail_call");
  });
}

/** `check_abnormal_return` */
function checkAbnormalReturn(env: Environment): void {
  for (const subprogram of env.subprograms.slice(1)) {
    const refuse = (what: string): never =>
      env.refuse(Errno.EINVAL, `${what} is not allowed in subprogs without BTF`);
    if (subprogram.hasLdAbs) refuse("LD_ABS");
    if (subprogram.hasTailCall) refuse("tail_call");
  }
}

/** Reads the line records: each subprogram has one of its own, where there are any (`check_btf_line`). */
export function checkBtfLine(env: Environment): void {
  const { debug } = env;
  if (debug === null) return;
  const lines: SourceRecord[] = [];
  let next = 0;
  for (const line of env.request.records!.lines()) {
    const subprogram = env.subprograms[next];
    if (line.slot === subprogram?.start) {
      subprogram.lineIndex = lines.length;
      next++;
    } else if (subprogram !== undefined && line.slot > subprogram.start) {
      env.refuse(Errno.EINVAL, `missing bpf_line_info for func#${next}`);
    }
    lines.push(line);
  }
  if (lines.length === 0) return;
  const missing = env.subprograms.length - next;
  if (missing > 0) {
    env.refuse(Errno.EINVAL, `missing bpf_line_info for ${missing} funcs starting from func#${next}`);
  }
  env.debug = { ...debug, lines };
}

/** Goes on with the program as it is after its CO-RE relocations (`check_core_relo`). */
export function checkCoreRelo(env: Environment): void {
  const insns = env.debug === null ? null : env.request.records!.relocated();
  if (insns !== null) env.take(insns);
}
