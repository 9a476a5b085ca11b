import { Errno } from "../../uapi/index.ts";
import type { Environment } from "../environment/environment.ts";
import { addKfuncCall } from "../kfuncs/add-kfunc-call.ts";
import { findExceptionCallbackInsnOff } from "../kfuncs/exception-callback.ts";
import { isKfuncCall, isPseudoCall, isPseudoFunc } from "./flow-kind.ts";
import { addSubprog, findSubprog } from "./subprograms.ts";

/** Finds the program's subprograms and the kernel's functions that it calls (`add_subprog_and_kfunc`). */
export function addSubprogramsAndKfuncs(env: Environment): void {
  const { insns } = env;
  addSubprog(env, 0);
  for (let i = 0; i < insns.length; i++) {
    const insn = insns[i]!;
    const local = isPseudoCall(insn) || isPseudoFunc(insn);
    if (!local && !isKfuncCall(insn)) continue;
    if (!env.bpfCapable) {
      env.refuse(
        Errno.EPERM,
        "loading/calling other bpf or kernel functions are allowed for CAP_BPF and CAP_SYS_ADMIN",
      );
    }
    if (local) addSubprog(env, i + insn.imm + 1);
    else addKfuncCall(env, insn.imm, insn.off);
  }
  addExceptionCallback(env);
  if (!env.log.level2) return;
  for (const [i, { start }] of env.subprograms.entries()) env.log.write(`func#${i} @${start}\n`);
}

function addExceptionCallback(env: Environment): void {
  const start = findExceptionCallbackInsnOff(env);
  if (start === 0) return;
  addSubprog(env, start);
  const number = findSubprog(env, start);
  env.exceptionCallback = number;
  const subprogram = env.subprograms[number]!;
  subprogram.isCallback = true;
  subprogram.isAsyncCallback = true;
  subprogram.isExceptionCallback = true;
}
