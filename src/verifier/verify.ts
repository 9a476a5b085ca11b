import { defaultLayout } from "../platform/index.ts";
import { BpfFuncId, Errno } from "../uapi/index.ts";
import { Environment } from "./environment/environment.ts";
import { Rejection } from "./environment/rejection.ts";
import type { VerifyRequest } from "./environment/request.ts";
import { checkGlobalFunctions, checkMain } from "./explore/check-function.ts";
import { forgetExploration } from "./explore/free-states.ts";
import { FixupError } from "./fixups/error.ts";
import { finalStackDepths } from "./fixups/final-stack.ts";
import { fixupVerified } from "./fixups/verified.ts";
import { checkLeftKfuncCalls } from "./kfuncs/left-calls.ts";
import { printVerificationStats } from "./log/statistics-text.ts";
import { VerifierLog } from "./log/verifier-log.ts";
import { checkCfg } from "./program/cfg.ts";
import { markFastcallPatterns } from "./program/fastcall.ts";
import { releaseFastcallStack } from "./program/fastcall-stack.ts";
import { isHelperCall } from "./program/flow-kind.ts";
import { checkBtfFunc, checkBtfLine, checkCoreRelo, readFunctions } from "./program/functions-of-btf.ts";
import { computeLiveRegisters } from "./program/live-registers.ts";
import { computePostorder } from "./program/postorder.ts";
import { resolvePseudoLdimm64 } from "./program/resolve-immediates.ts";
import { computeScc } from "./program/scc.ts";
import { checkMaxStackDepth } from "./program/stack-depth.ts";
import { checkSubprogs } from "./program/subprograms.ts";
import { addSubprogramsAndKfuncs } from "./program/subprograms-and-kfuncs.ts";
import { processFdArray } from "./program/used-files.ts";
import { checkAttachBtfId } from "./types/attach-target.ts";

/** What the verifier found out about a program. */
export interface Verification {
  /** 0: accepted; else a value of `Errno`, positive. */
  readonly errno: number;
  /** The kernel's words for the refusal, without those that led up to it; empty where there are none. */
  readonly reason: string;
  /** The instruction at which the program was refused. */
  readonly insnIdx: number;
  /** Everything that is known, for fixups and reports. */
  readonly env: Environment;
}

/** The checks before any path is followed. */
const CHECKS: readonly ((env: Environment) => void)[] = [
  processFdArray,
  readFunctions,
  addSubprogramsAndKfuncs,
  checkSubprogs,
  checkBtfFunc,
  checkBtfLine,
  checkCoreRelo,
  resolvePseudoLdimm64,
  checkCfg,
  computePostorder,
  checkAttachBtfId,
  computeScc,
  computeLiveRegisters,
  markFastcallPatterns,
  checkMain,
  checkGlobalFunctions,
];

/** The records were read after the subprograms were found, the attachment was looked at before the instructions, and global functions before the entry. */
const CHECKS_6_1: typeof CHECKS = [
  processFdArray,
  addSubprogramsAndKfuncs,
  checkSubprogs,
  readFunctions,
  checkBtfFunc,
  checkBtfLine,
  checkCoreRelo,
  checkAttachBtfId,
  resolvePseudoLdimm64,
  checkCfg,
  computePostorder,
  computeScc,
  computeLiveRegisters,
  markFastcallPatterns,
  checkGlobalFunctions,
  checkMain,
];

/** Accesses that Linux lets pass, and then fails to rewrite (`convert_ctx_accesses`). */
function checkContextGaps(env: Environment): void {
  if (env.aux.some(({ ctxGap, seen }) => ctxGap && seen !== 0)) {
    env.refuse(Errno.EFAULT, "verifier bug: error during ctx access conversion (0)");
  }
}

/** Without CAP_PERFMON the index of a tail call is masked by the size of its map, which has to be one (`do_misc_fixups`). */
function checkTailCallMaps(env: Environment): void {
  for (const [slot, { mapPointer, seen }] of env.aux.entries()) {
    if (seen === 0 || mapPointer === null || !mapPointer.unprivileged || !mapPointer.poison) continue;
    const insn = env.insns[slot]!;
    if (isHelperCall(insn) && insn.imm === BpfFuncId.tail_call)
      env.refuse(Errno.EINVAL, "tail_call abusing map_ptr");
  }
}

/** References to functions that were removed as dead code lead to no function any more (`jit_subprogs`). */
function checkFunctionReferences(env: Environment): void {
  if (env.subprograms.every(({ start }) => env.aux[start]!.seen !== 0)) return;
  const { type, expectedAttachType, kernel } = env.request;
  try {
    fixupVerified({ insns: env.insns, type, expectedAttachType, maps: new Map() }, env, {
      target: "linux-x86_64",
      // Programs are changed as 6.18 does, whose structs that takes.
      layout: env.release === "6.18" ? kernel.layout : defaultLayout(),
    });
  } catch (error) {
    if (!(error instanceof FixupError)) throw error;
    env.refuse(Errno.EFAULT, error.reason);
  }
}

/**
 * Decides whether Linux would let the program run (`bpf_check`, up to its fixups): never throws for a bad program.
 * The log goes to `request.log` as it is written; its end with the statistics is included.
 */
export function verify(request: VerifyRequest): Verification {
  const env = new Environment(request, new VerifierLog(request.log));
  // A clock that nobody asks for is not looked at: replayed ones go on with every look.
  const clock = env.log.stats ? request.clock : undefined;
  const started = clock?.() ?? 0;
  let rejection: Rejection | null = null;
  let followed = false;
  try {
    for (const check of env.release === "6.1" ? CHECKS_6_1 : CHECKS) check(env);
    releaseFastcallStack(env);
    checkMaxStackDepth(env);
    followed = true;
    checkContextGaps(env);
    checkTailCallMaps(env);
    checkLeftKfuncCalls(env);
    checkFunctionReferences(env);
  } catch (error) {
    if (!(error instanceof Rejection)) throw error;
    rejection = error;
  } finally {
    forgetExploration(env);
  }
  const depths =
    followed && env.log.stats ? finalStackDepths(env) : env.subprograms.map(({ stackDepth }) => stackDepth);
  printVerificationStats(env, ((clock?.() ?? 0) - started) * 1000, depths);
  return {
    errno: rejection?.errno ?? 0,
    reason: rejection?.message ?? "",
    insnIdx: env.insnIdx,
    env,
  };
}
