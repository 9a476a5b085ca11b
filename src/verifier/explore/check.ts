import { CallKind, Class, classOf, type Insn, Mode } from "../../isa/index.ts";
import { BpfFuncId, Errno } from "../../uapi/index.ts";
import { checkFuncCall } from "../calls/function-call.ts";
import { prepareFuncExit } from "../calls/function-exit.ts";
import { checkHelperCall } from "../calls/helper-call.ts";
import { checkResourceLeak } from "../calls/leaks.ts";
import { checkReturnCode } from "../calls/return-code.ts";
import type { Environment } from "../environment/environment.ts";
import { Rejection } from "../environment/rejection.ts";
import { checkKfuncCall } from "../kfuncs/kfunc-call.ts";
import { isBpfThrowKfunc, kfuncSpinAllowed } from "../kfuncs/special.ts";
import { verboseInsn, verboseLinfo } from "../log/insn-text.ts";
import { printInsnState, printVerifierState } from "../log/state-text.ts";
import { checkAluOp } from "../transfer/alu.ts";
import { checkAtomic } from "../transfer/atomic.ts";
import { checkCondJmpOp } from "../transfer/branch.ts";
import { checkLdImm } from "../transfer/load-immediate.ts";
import { checkLdAbs } from "../transfer/load-packet.ts";
import { checkLoadMem, checkStoreImm, checkStoreReg } from "../transfer/load-store.ts";
import { updateBranchCounts } from "./branch-counts.ts";
import { pushJmpHistory } from "./history.ts";
import { popStack } from "./pending.ts";
import { isStateVisited } from "./visited.ts";

/** How often `poll` is called, in instructions. */
const POLL_EVERY = 4096;
const MODE_MASK = 0xe0;
const JMP_CODE_MASK = 0xf0;
const SOURCE_MASK = 0x08;
const JmpCode = { ja: 0x00, call: 0x80, exit: 0x90 } as const;

const EXIT_OF_MAIN = "BPF_EXIT instruction in main prog";

/** What an instruction did to the path. */
const Outcome = { continues: 0, continuesElsewhere: 1, ends: 2 } as const;
type Outcome = (typeof Outcome)[keyof typeof Outcome];

/** Refusals on paths that only a wrong guess of the CPU takes, which a barrier prevents (`error_recoverable_with_nospec`). */
const RECOVERABLE: ReadonlySet<number> = new Set([Errno.EPERM, Errno.EACCES, Errno.EINVAL]);

/** Follows every path from `env.insnIdx` on (`do_check`). @throws Rejection */
export function doCheck(env: Environment): void {
  let printState = false;
  let prevInsnIdx = -1;
  for (;;) {
    env.currentHistory = null;
    env.prevInsnIdx = prevInsnIdx;
    const { insnIdx } = env;
    if (insnIdx >= env.insns.length) {
      env.refuse(Errno.EFAULT, `invalid insn idx ${insnIdx} insn_cnt ${env.insns.length}`);
    }
    if (++env.insnProcessed > env.complexityLimit) {
      env.refuse(Errno.E2BIG, `BPF program is too large. Processed ${env.insnProcessed} insn`);
    }
    if (env.insnProcessed % POLL_EVERY === 0) env.request.poll?.();
    const state = env.current;
    const aux = env.aux[insnIdx]!;
    state.lastInsnIdx = env.prevInsnIdx;
    state.insnIdx = insnIdx;
    let ends = false;
    if (aux.prunePoint && isStateVisited(env, insnIdx)) {
      sayPruned(env, printState);
      ends = true;
    } else {
      if (aux.jmpPoint) pushJmpHistory(env, state, 0, null);
      if (env.log.enabled) {
        sayInstruction(env, printState);
        if (env.log.level2) printState = false;
      }
      markSeen(env, insnIdx);
      prevInsnIdx = insnIdx;
      if (state.speculative && aux.nospec) ends = true;
      else {
        const outcome = execute(env);
        if (outcome === Outcome.continuesElsewhere) printState = true;
        ends = outcome === Outcome.ends || (env.current.speculative && aux.nospecResult);
      }
    }
    if (!ends) continue;
    env.scratchAll();
    updateBranchCounts(env, env.current);
    env.stackLiveness.update();
    const next = popStack(env, !env.log.level2);
    if (next === null) return;
    env.insnIdx = next.insnIdx;
    prevInsnIdx = next.prevInsnIdx;
    printState = true;
  }
}

/** What only a wrong guess leads to stays dead code (`sanitize_mark_insn_seen`). */
function markSeen(env: Environment, insnIdx: number): void {
  if (!env.current.speculative) env.aux[insnIdx]!.seen = env.passCount;
}

function speculativeText(env: Environment): string {
  return env.current.speculative ? " (speculative execution)" : "";
}

function sayPruned(env: Environment, printState: boolean): void {
  const { log, insnIdx, prevInsnIdx } = env;
  if (!log.perInstruction) return;
  log.write(
    printState ? `\nfrom ${prevInsnIdx} to ${insnIdx}${speculativeText(env)}: safe\n` : `${insnIdx}: safe\n`,
  );
}

/** The state where a path begins, what changed before, the source line and the instruction. */
function sayInstruction(env: Environment, printState: boolean): void {
  const { log, insnIdx, prevInsnIdx, current } = env;
  if (log.level2 && printState) {
    log.write(`\nfrom ${prevInsnIdx} to ${insnIdx}${speculativeText(env)}:`);
    printVerifierState(env, current, current.curframe, { all: true });
  }
  if (!log.perInstruction) return;
  if (env.isScratched) printInsnState(env, current, current.curframe);
  verboseLinfo(env, insnIdx, "; ");
  const start = log.position;
  log.write(`${insnIdx}: `);
  verboseInsn(env, insnIdx);
  log.prevInsnPrintPos = log.position - start;
  log.prevLogPos = log.position;
}

/** The instruction, with what keeps track of the stack, and with mercy for wrong guesses. */
function execute(env: Environment): Outcome {
  const { insnIdx } = env;
  env.stackLiveness.resetWriteMarks(insnIdx);
  let outcome: Outcome;
  try {
    outcome = doCheckInsn(env);
  } catch (error) {
    if (!(error instanceof Rejection) || !RECOVERABLE.has(error.errno)) throw error;
    env.stackLiveness.commitWriteMarks();
    if (!env.current.speculative) throw error;
    const aux = env.aux[insnIdx]!;
    aux.nospec = true;
    aux.aluState = 0;
    return Outcome.ends;
  }
  env.stackLiveness.commitWriteMarks();
  return outcome;
}

/** One instruction (`do_check_insn`): changes the state and moves `env.insnIdx` on. */
function doCheckInsn(env: Environment): Outcome {
  const insn = env.insns[env.insnIdx]!;
  switch (classOf(insn.opcode)) {
    case Class.alu:
    case Class.alu64:
      checkAluOp(env, insn);
      break;
    case Class.ldx:
      checkLoadMem(env, insn, {
        strictAlignmentOnce: false,
        isLdsx: (insn.opcode & MODE_MASK) === Mode.memsx,
        allowTrustMismatch: true,
        context: "ldx",
      });
      break;
    case Class.stx:
      if ((insn.opcode & MODE_MASK) === Mode.atomic) {
        checkAtomic(env, insn);
        break;
      }
      if ((insn.opcode & MODE_MASK) !== Mode.mem || insn.imm !== 0) {
        env.refuse(Errno.EINVAL, "BPF_STX uses reserved fields");
      }
      checkStoreReg(env, insn, false);
      break;
    case Class.st:
      if ((insn.opcode & MODE_MASK) !== Mode.mem || insn.src !== 0) {
        env.refuse(Errno.EINVAL, "BPF_ST uses reserved fields");
      }
      checkStoreImm(env, insn);
      break;
    case Class.jmp:
    case Class.jmp32:
      env.jmpsProcessed++;
      return checkJump(env, insn);
    default:
      checkLoad(env, insn);
  }
  env.insnIdx++;
  return Outcome.continues;
}

function checkLoad(env: Environment, insn: Insn): void {
  const mode = insn.opcode & MODE_MASK;
  if (mode === Mode.abs || mode === Mode.ind) checkLdAbs(env, insn);
  else if (mode === Mode.imm) {
    checkLdImm(env, insn);
    env.insnIdx++;
    markSeen(env, env.insnIdx);
  } else env.refuse(Errno.EINVAL, "invalid BPF_LD mode");
}

function checkJump(env: Environment, insn: Insn): Outcome {
  switch (insn.opcode & JMP_CODE_MASK) {
    case JmpCode.call:
      return checkCall(env, insn);
    case JmpCode.ja:
      checkGoto(env, insn);
      return Outcome.continues;
    case JmpCode.exit:
      if (
        (insn.opcode & SOURCE_MASK) !== 0 ||
        insn.imm !== 0 ||
        insn.src !== 0 ||
        insn.dst !== 0 ||
        classOf(insn.opcode) === Class.jmp32
      ) {
        env.refuse(Errno.EINVAL, "BPF_EXIT uses reserved fields");
      }
      return exit(env);
    default:
      checkCondJmpOp(env, insn);
      env.insnIdx++;
      return Outcome.continues;
  }
}

function checkGoto(env: Environment, insn: Insn): void {
  const wide = classOf(insn.opcode) === Class.jmp32;
  const unused = wide ? insn.off : insn.imm;
  if ((insn.opcode & SOURCE_MASK) !== 0 || insn.src !== 0 || insn.dst !== 0 || unused !== 0) {
    env.refuse(Errno.EINVAL, "BPF_JA uses reserved fields");
  }
  env.insnIdx += (wide ? insn.imm : insn.off) + 1;
}

function checkCall(env: Environment, insn: Insn): Outcome {
  const kind = insn.src;
  const known = kind === CallKind.helper || kind === CallKind.local || kind === CallKind.kfunc;
  if (
    (insn.opcode & SOURCE_MASK) !== 0 ||
    !known ||
    (kind !== CallKind.kfunc && insn.off !== 0) ||
    insn.dst !== 0 ||
    classOf(insn.opcode) === Class.jmp32
  ) {
    env.refuse(Errno.EINVAL, "BPF_CALL uses reserved fields");
  }
  if (env.current.activeLocks > 0 && !allowedUnderLock(env, insn)) {
    env.refuse(Errno.EINVAL, "function calls are not allowed while holding a lock");
  }
  if (kind === CallKind.local) checkFuncCall(env, insn);
  else if (kind === CallKind.kfunc) {
    checkKfuncCall(env, insn);
    if (isBpfThrowKfunc(env, insn)) return exceptionalExit(env);
  } else checkHelperCall(env, insn);
  env.scratchReg(0);
  env.insnIdx++;
  return Outcome.continues;
}

function allowedUnderLock(env: Environment, insn: Insn): boolean {
  if (insn.src === CallKind.helper) return insn.imm === BpfFuncId.spin_unlock;
  if (insn.src === CallKind.kfunc) return insn.off === 0 && kfuncSpinAllowed(env, insn);
  return true;
}

/** An exit, from the program or from a function of it (`process_bpf_exit_full`). */
function exit(env: Environment): Outcome {
  const { curframe } = env.current;
  checkResourceLeak(env, false, curframe === 0, EXIT_OF_MAIN);
  if (curframe > 0) {
    prepareFuncExit(env);
    return Outcome.continuesElsewhere;
  }
  checkReturnCode(env, 0, "R0");
  return Outcome.ends;
}

/** `bpf_throw` ends the program, whatever functions were called. */
function exceptionalExit(env: Environment): Outcome {
  checkResourceLeak(env, true, true, "bpf_throw");
  return Outcome.ends;
}
