import { type Insn, type InsnRow, Operation } from "../../isa/index.ts";
import { Errno } from "../../uapi/index.ts";
import { regNotNull } from "../calls/not-null.ts";
import type { Environment } from "../environment/environment.ts";
import { Rejection } from "../environment/rejection.ts";
import { pushJmpHistory } from "../explore/history.ts";
import { pushStack } from "../explore/pending.ts";
import { markChainPrecision } from "../explore/precision.ts";
import { printInsnState } from "../log/state-text.ts";
import { findPrevEntry, widenImpreciseScalars } from "../objects/widening.ts";
import { type Bounds, constantOfWords } from "../ranges/bounds.ts";
import { Condition, conditionOf, opposite } from "../ranges/condition.ts";
import { predict } from "../ranges/predict.ts";
import { refined } from "../ranges/refine.ts";
import { saneBounds } from "../ranges/sanity.ts";
import { checkRegArg } from "../registers/check-reg-arg.ts";
import { HistoryFlag, type LinkedRegister } from "../state/history.ts";
import { holdsPointer, isPointerValue } from "../state/pointer-value.ts";
import { baseType, mayBeNull, RegType } from "../state/reg-type.ts";
import type { Register } from "../state/register.ts";
import type { VerifierState } from "../state/verifier-state.ts";
import { collectLinkedRegs, syncLinkedRegs } from "./linked-registers.ts";
import { markPtrNotNullReg, markPtrOrNullRegs } from "./null-marks.ts";
import { isPacketPointerOrEnd, predictPacketBranch, tryMatchPktPointers } from "./packet-range.ts";
import { sanitizeSpeculativePath } from "./sanitize.ts";

/**
 * A conditional jump: goes the way that is certain, or puts the jump aside and goes on behind it, each with what the
 * comparison tells there (`check_cond_jmp_op`). Moves `env.insnIdx` by the jump's offset where it is taken.
 */
export function checkCondJmpOp(env: Environment, insn: Insn): void {
  const row = env.rows[env.insnIdx];
  if (row === undefined) throw new Error(`no conditional jump at ${env.insnIdx}`);
  if (row.kind === "mayGoto") {
    checkMayGoto(env, insn);
    return;
  }
  checkOperands(env, insn, row);
  const condition = conditionOf(row.operation);
  const jmp32 = row.width === 32;
  const dst = env.reg(insn.dst);
  const src = row.source === "reg" ? env.reg(insn.src) : null;
  const srcBounds = src?.bounds ?? constantOfWords(insn.imm >> 31, insn.imm);
  const taken = isBranchTaken(condition, dst, src, srcBounds, jmp32);
  if (taken !== null) follow(env, insn, row, taken);
  else split(env, { insn, row, condition, jmp32, dst, src, srcBounds });
}

/** May be taken at any time: the jump goes on, what falls through is put aside. */
function checkMayGoto(env: Environment, insn: Insn): void {
  if (insn.src !== 0 || insn.dst !== 0 || insn.imm !== 0) {
    env.refuse(Errno.EINVAL, `invalid may_goto imm ${insn.imm}`);
  }
  const { insnIdx } = env;
  const { parent } = env.current;
  const previous = parent === null ? null : findPrevEntry(env, parent, insnIdx);
  const queued = pushStack(env, insnIdx + 1, insnIdx, false);
  if (queued === null) throw new Rejection(Errno.ENOMEM, "");
  queued.mayGotoDepth++;
  if (previous !== null) widenImpreciseScalars(env, previous, queued);
  env.insnIdx += insn.off;
}

function checkOperands(env: Environment, insn: Insn, row: InsnRow): void {
  checkRegArg(env, insn.dst, "src");
  const dst = env.reg(insn.dst);
  let flags = dst.type === RegType.PTR_TO_STACK ? HistoryFlag.DST_REG_STACK : 0;
  if (row.source === "reg") {
    if (insn.imm !== 0) env.refuse(Errno.EINVAL, "BPF_JMP/JMP32 uses reserved fields");
    checkRegArg(env, insn.src, "src");
    const src = env.reg(insn.src);
    if (!(isPacketPointerOrEnd(dst) && isPacketPointerOrEnd(src)) && isPointerValue(env, insn.src)) {
      env.refuse(Errno.EACCES, `R${insn.src} pointer comparison prohibited`);
    }
    if (src.type === RegType.PTR_TO_STACK) flags |= HistoryFlag.SRC_REG_STACK;
  } else if (insn.src !== 0) env.refuse(Errno.EINVAL, "BPF_JMP/JMP32 uses reserved fields");
  if (flags !== 0) pushJmpHistory(env, env.current, flags, null);
}

/** Whether it is certain that the jump is taken, or not; null: it is not certain (`is_branch_taken`). `src` null: an immediate. */
function isBranchTaken(
  condition: Condition,
  dst: Register,
  src: Register | null,
  srcBounds: Bounds,
  jmp32: boolean,
): boolean | null {
  if (!jmp32 && src !== null && isPacketPointerOrEnd(dst) && isPacketPointerOrEnd(src)) {
    return predictPacketBranch(condition, dst, src);
  }
  const srcIsPointer = src !== null && holdsPointer(src);
  if (!holdsPointer(dst) && !srcIsPointer) return predict(condition, dst.bounds, srcBounds, jmp32);

  // All that is certain is that a valid pointer is not 0.
  const pointer = holdsPointer(dst) ? dst : src!;
  if (pointer === dst && srcIsPointer) return null;
  const { tnum } = pointer === dst ? srcBounds : dst.bounds;
  const zero = (tnum.maskLo | tnum.valueLo | (jmp32 ? 0 : tnum.maskHi | tnum.valueHi)) === 0;
  if (!zero || !regNotNull(pointer)) return null;
  if (condition === Condition.eq) return false;
  return condition === Condition.ne ? true : null;
}

/** Goes the one way that is possible; the other is looked at for what a CPU may do on it by guessing. */
function follow(env: Environment, insn: Insn, row: InsnRow, taken: boolean): void {
  const state = env.current;
  if (!holdsPointer(env.reg(insn.dst))) markChainPrecision(env, insn.dst);
  if (row.source === "reg" && !holdsPointer(env.reg(insn.src))) markChainPrecision(env, insn.src);
  const { insnIdx } = env;
  if (!env.bypassSpecV1) {
    const other = taken ? insnIdx + 1 : insnIdx + insn.off + 1;
    if (!sanitizeSpeculativePath(env, insn, other, insnIdx)) throw new Rejection(Errno.EFAULT, "");
  }
  if (env.log.perInstruction) printInsnState(env, state, state.curframe);
  if (taken) env.insnIdx += insn.off;
}

/** A jump of which both ways are possible. */
interface Fork {
  readonly insn: Insn;
  readonly row: InsnRow;
  readonly condition: Condition;
  readonly jmp32: boolean;
  readonly dst: Register;
  /** Null: the immediate, of which `srcBounds` are. */
  readonly src: Register | null;
  readonly srcBounds: Bounds;
}

/** Puts the jump aside, and learns from the comparison in both branches. */
function split(env: Environment, fork: Fork): void {
  const { insn, dst, src } = fork;
  const thisBranch = env.current;
  const { insnIdx } = env;
  // Before the other branch is made: both, and a parent state, share this entry of the history.
  const linked: LinkedRegister[] = [];
  if (src !== null && src.type === RegType.SCALAR_VALUE && src.id !== 0) {
    collectLinkedRegs(env, thisBranch, src.id, linked);
  }
  if (dst.type === RegType.SCALAR_VALUE && dst.id !== 0) collectLinkedRegs(env, thisBranch, dst.id, linked);
  if (linked.length > 1) pushJmpHistory(env, thisBranch, 0, linked);

  const otherBranch = pushStack(env, insnIdx + insn.off + 1, insnIdx, false);
  if (otherBranch === null) throw new Rejection(Errno.EFAULT, "");
  regSetMinMax(env, fork, otherBranch);
  if (linked.length > 0) syncBranches(fork, thisBranch, otherBranch, linked);
  if (src !== null && !fork.jmp32) liftNull(fork, src, thisBranch, otherBranch);
  learnOfPointers(env, fork, thisBranch, otherBranch);
  if (env.log.perInstruction) printInsnState(env, thisBranch, thisBranch.curframe);
}

/** Narrows the ranges of two numbers in both branches (`reg_set_min_max`). */
function regSetMinMax(env: Environment, fork: Fork, otherBranch: VerifierState): void {
  const { insn, condition, jmp32, dst, src, srcBounds } = fork;
  if (dst.type !== RegType.SCALAR_VALUE || (src !== null && src.type !== RegType.SCALAR_VALUE)) return;
  const { bounds } = dst;
  const same = dst === src;
  const no = refined(opposite(condition), bounds, srcBounds, jmp32, same);
  const yes = refined(condition, bounds, srcBounds, jmp32, same);
  const { regs } = otherBranch;
  const trueDst = saneBounds(env, yes.a, "true_reg1");
  const trueSrc = saneBounds(env, same ? trueDst : yes.b, "true_reg2");
  const falseDst = saneBounds(env, no.a, "false_reg1");
  const falseSrc = saneBounds(env, same ? falseDst : no.b, "false_reg2");
  regs[insn.dst]!.bounds = trueDst;
  dst.bounds = falseDst;
  if (src === null) return;
  regs[insn.src]!.bounds = trueSrc;
  src.bounds = falseSrc;
}

function syncBranches(
  { insn, dst, src }: Fork,
  thisBranch: VerifierState,
  otherBranch: VerifierState,
  linked: readonly LinkedRegister[],
): void {
  const { regs } = otherBranch;
  if (src !== null && src.type === RegType.SCALAR_VALUE && src.id !== 0) {
    syncLinkedRegs(thisBranch, src, linked);
    syncLinkedRegs(otherBranch, regs[insn.src]!, linked);
  }
  if (dst.type === RegType.SCALAR_VALUE && dst.id !== 0) {
    syncLinkedRegs(thisBranch, dst, linked);
    syncLinkedRegs(otherBranch, regs[insn.dst]!, linked);
  }
}

/**
 * A pointer that may be NULL and equals one that is not NULL is none. Not with BTF pointers: these may be NULL without
 * being marked.
 */
function liftNull(
  { insn, row, dst }: Fork,
  src: Register,
  thisBranch: VerifierState,
  otherBranch: VerifierState,
): void {
  if (!holdsPointer(src) || !holdsPointer(dst) || mayBeNull(src.type) === mayBeNull(dst.type)) return;
  if (baseType(src.type) === RegType.PTR_TO_BTF_ID || baseType(dst.type) === RegType.PTR_TO_BTF_ID) return;
  let equal: VerifierState;
  if (row.operation === Operation.jeq) equal = otherBranch;
  else if (row.operation === Operation.jne) equal = thisBranch;
  else return;
  markPtrNotNullReg(equal.regs[mayBeNull(src.type) ? insn.src : insn.dst]!);
}

/** Tests against NULL, and of packet pointers; other comparisons of pointers tell nothing, and tell the loader too much. */
function learnOfPointers(
  env: Environment,
  fork: Fork,
  thisBranch: VerifierState,
  otherBranch: VerifierState,
): void {
  const { insn, row, condition, jmp32, dst, src } = fork;
  const equality = condition === Condition.eq || condition === Condition.ne;
  if (!jmp32 && row.source === "imm" && insn.imm === 0 && equality && mayBeNull(dst.type)) {
    markPtrOrNullRegs(env, thisBranch, insn.dst, condition === Condition.ne);
    markPtrOrNullRegs(env, otherBranch, insn.dst, condition === Condition.eq);
    return;
  }
  if (
    src !== null &&
    !jmp32 &&
    tryMatchPktPointers(
      { condition, dst: insn.dst, src: insn.src, dstReg: dst, srcReg: src },
      thisBranch,
      otherBranch,
    )
  ) {
    return;
  }
  if (isPointerValue(env, insn.dst)) env.refuse(Errno.EACCES, `R${insn.dst} pointer comparison prohibited`);
}
