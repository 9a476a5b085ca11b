import { BpfProgType, Errno } from "../../uapi/index.ts";
import { ArgType } from "../calls/argument-type.ts";
import { acquireReference } from "../calls/references.ts";
import type { Environment } from "../environment/environment.ts";
import { Rejection } from "../environment/rejection.ts";
import type { SubprogramArgument } from "../environment/subprogram.ts";
import { markDynptrReg } from "../objects/dynptr.ts";
import { Frame, MAIN_FUNC } from "../state/frame.ts";
import { baseType, RegType, TypeFlag } from "../state/reg-type.ts";
import { DynptrType, type Register } from "../state/register.ts";
import { VerifierState } from "../state/verifier-state.ts";
import { btfPrepareFuncArgs } from "../types/function-arguments.ts";
import { doCheck } from "./check.ts";
import { freeStates } from "./free-states.ts";

const MEMORY_FLAGS = TypeFlag.PTR_MAYBE_NULL | TypeFlag.PTR_UNTRUSTED | TypeFlag.MEM_RDONLY;
const POINTER_FLAGS = TypeFlag.PTR_MAYBE_NULL | TypeFlag.PTR_UNTRUSTED | TypeFlag.PTR_TRUSTED;

/** Verifies the program from its entry (`do_check_main`). */
export function checkMain(env: Environment): void {
  env.insnIdx = 0;
  checkFunction(env, 0);
}

/** Verifies the global functions that are called from anywhere, each on its own (`do_check_subprogs`). */
export function checkGlobalFunctions(env: Environment): void {
  if ((env.debug?.functions.length ?? 0) === 0) return;
  if (env.exceptionCallback !== 0) env.subprograms[env.exceptionCallback]!.called = true;
  let found: boolean;
  do {
    found = false;
    for (const [i, subprogram] of env.subprograms.entries()) {
      // 6.1 looks at those that nothing calls, too.
      const wanted = subprogram.called || env.release === "6.1";
      if (i === 0 || !subprogram.global || !wanted || subprogram.verified) continue;
      env.insnIdx = subprogram.start;
      checkFunction(env, i);
      if (env.log.perInstruction) {
        env.log.write(`Func#${i} ('${subprogram.name}') is safe for any args that match its prototype\n`);
      }
      subprogram.verified = true;
      found = true;
    }
  } while (found);
}

/** One pass, from the start of a function with what its types say of its arguments (`do_check_common`). */
function checkFunction(env: Environment, subprogno: number): void {
  env.previousLine = null;
  env.passCount++;
  const state = new VerifierState();
  state.branches = 1;
  state.inSleepable = env.sleepable;
  const frame = Frame.create(MAIN_FUNC, 0, subprogno, { precise: env.unknownIsPrecise });
  state.frames.push(frame);
  state.firstInsnIdx = env.subprograms[subprogno]!.start;
  state.lastInsnIdx = -1;
  env.current = state;
  env.scratchAll();
  try {
    if (subprogno !== 0 || env.request.type.type === BpfProgType.EXT) {
      enterByTypes(env, subprogno, frame);
    } else enterWithContext(env, frame);
    if (subprogno === 0) acquireArguments(env);
    doCheck(env);
  } finally {
    freeStates(env);
  }
  if (!env.log.level2) env.log.reset(0);
}

function enterByTypes(env: Environment, subprogno: number, frame: Frame): void {
  const { name } = env.subprograms[subprogno]!;
  env.log.write(`Validating ${name}() func#${subprogno}...\n`);
  const args = btfPrepareFuncArgs(env, subprogno);
  if (env.subprograms[subprogno]!.isExceptionCallback) {
    frame.inExceptionCallback = true;
    if (args.length !== 1 || args[0]!.type !== ArgType.ARG_ANYTHING) {
      env.refuse(Errno.EINVAL, "exception cb only supports single integer argument");
    }
  }
  for (const [i, argument] of args.entries()) setArgument(env, frame.regs[i + 1]!, argument);
}

function setArgument(env: Environment, reg: Register, argument: SubprogramArgument): void {
  const { type } = argument;
  const nullable = (type & TypeFlag.PTR_MAYBE_NULL) !== 0;
  if (type === (ArgType.ARG_PTR_TO_DYNPTR | TypeFlag.MEM_RDONLY)) {
    markDynptrReg(reg, DynptrType.LOCAL, true, ++env.idGen);
    return;
  }
  switch (baseType(type)) {
    case ArgType.ARG_PTR_TO_CTX:
      reg.type = RegType.PTR_TO_CTX;
      reg.markKnownZero();
      break;
    case ArgType.ARG_PTR_TO_MEM:
      reg.type = RegType.PTR_TO_MEM | (type & MEMORY_FLAGS);
      reg.markKnownZero();
      reg.memSize = argument.memSize;
      if (nullable) reg.id = ++env.idGen;
      break;
    case ArgType.ARG_PTR_TO_BTF_ID:
      reg.type = RegType.PTR_TO_BTF_ID | (type & POINTER_FLAGS);
      reg.markKnownZero();
      reg.btf = env.request.kernel.btf;
      reg.btfId = argument.btfId;
      reg.id = ++env.idGen;
      break;
    default:
      // A number, or a pointer into an arena, which may be passed as one.
      reg.markUnknown(env.unknownIsPrecise);
  }
}

function enterWithContext(env: Environment, frame: Frame): void {
  if ((env.debug?.functions.length ?? 0) > 0) {
    try {
      const args = btfPrepareFuncArgs(env, 0);
      if (args.length !== 1 || args[0]!.type !== ArgType.ARG_PTR_TO_CTX) {
        env.subprograms[0]!.unreliable = true;
      }
    } catch (error) {
      if (!(error instanceof Rejection)) throw error;
      env.subprograms[0]!.unreliable = true;
    }
  }
  const context = frame.regs[1]!;
  context.type = RegType.PTR_TO_CTX;
  context.markKnownZero();
}

/** Arguments of struct_ops programs that come with a reference. */
function acquireArguments(env: Environment): void {
  for (const { offset, refcounted } of env.attach?.arguments ?? []) {
    if (refcounted) env.argumentReferences.set(offset, acquireReference(env, 0));
  }
}
