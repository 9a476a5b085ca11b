import { type Insn, type InsnRow, Operation } from "../../isa/index.ts";
import { Errno } from "../../uapi/index.ts";
import type { Environment } from "../environment/environment.ts";
import { AluState, type InsnAux } from "../environment/insn-aux.ts";
import { Rejection } from "../environment/rejection.ts";
import { pushStack } from "../explore/pending.ts";
import { type Bounds, draftOf, isConstant } from "../ranges/bounds.ts";
import { unbound32 } from "../ranges/truncate.ts";
import { MAX_STACK } from "../state/limits.ts";
import { RegType } from "../state/reg-type.ts";
import type { Register } from "../state/register.ts";

/** Why arithmetic with a pointer cannot be made safe against wrong guesses of the CPU. */
export const SanitizeProblem = { BOUNDS: 1, TYPE: 2, PATHS: 3, LIMIT: 4, STACK: 5 } as const;
export type SanitizeProblem = (typeof SanitizeProblem)[keyof typeof SanitizeProblem];

const PROHIBITED = "pointer arithmetic with it prohibited for !root";

/** What is known of an addition to a pointer before it is done: `struct bpf_sanitize_info`. */
export interface SanitizePlan {
  aluState: number;
  aluLimit: number;
  maskToLeft: boolean;
}

/** `sanitize_needed` */
export function sanitizeNeeded(operation: Operation): boolean {
  return operation === Operation.add || operation === Operation.sub;
}

/** `can_skip_alu_sanitation` */
export function canSkipAluSanitation(env: Environment, row: InsnRow): boolean {
  return env.bypassSpecV1 || row.source === "imm" || env.currentAux.nospec;
}

/** How far the pointer may move and stay in its object, unsigned; a problem is negative (`retrieve_ptr_limit`). */
function retrievePtrLimit(pointer: Register, maskToLeft: boolean): number {
  const { bounds, off } = pointer;
  let max: number;
  let limit: number;
  switch (pointer.type) {
    case RegType.PTR_TO_STACK:
      // To the left, offset 0 is a place to start from, though none to read.
      max = MAX_STACK + (maskToLeft ? 1 : 0);
      limit = -(bounds.tnum.valueLo + off) >>> 0;
      break;
    case RegType.PTR_TO_MAP_VALUE:
      max = pointer.map!.valueSize;
      limit = ((maskToLeft ? bounds.sminLo : bounds.umaxLo) + off) >>> 0;
      break;
    default:
      return -SanitizeProblem.TYPE;
  }
  return limit >= max ? -SanitizeProblem.LIMIT : limit;
}

/** All paths must agree in how an instruction is made safe (`update_alu_sanitation_state`). */
function updateAluSanitationState(target: InsnAux | SanitizePlan, state: number, limit: number): boolean {
  if (target.aluState !== 0 && (target.aluState !== state || target.aluLimit !== limit)) return false;
  target.aluState = state;
  target.aluLimit = limit;
  return true;
}

/** Two numbers are added here, so no pointer may be on other paths (`sanitize_val_alu`). */
export function sanitizeValAlu(env: Environment, insn: Insn, row: InsnRow): void {
  if (canSkipAluSanitation(env, row)) return;
  if (!updateAluSanitationState(env.currentAux, AluState.NON_POINTER, 0)) {
    refuseSanitation(env, insn, row, SanitizeProblem.PATHS, false);
  }
}

/**
 * Sets a path aside that the program never takes, but a CPU may by guessing (`sanitize_speculative_path`): there the
 * operands of `insn`, where given, may have any value.
 *
 * @returns false where too many paths wait
 */
export function sanitizeSpeculativePath(
  env: Environment,
  insn: Insn | null,
  nextIdx: number,
  currentIdx: number,
): boolean {
  const branch = pushStack(env, nextIdx, currentIdx, true);
  if (branch === null) return false;
  if (insn !== null) {
    const { regs } = branch;
    regs[insn.dst]!.markUnknown(env.unknownIsPrecise);
    if (env.rows[currentIdx]?.source === "reg") regs[insn.src]!.markUnknown(env.unknownIsPrecise);
  }
  return true;
}

/** Operands of an addition to a pointer. */
export interface PointerOperands {
  readonly pointer: Register;
  readonly offset: Bounds;
  readonly dst: Register;
}

/**
 * Plans how the addition is made safe (`sanitize_ptr_alu`): `commit` is false before it is simulated and true after it,
 * when the window is narrowed to what it moved.
 *
 * @returns the problem, or 0
 */
export function sanitizePtrAlu(
  env: Environment,
  row: InsnRow,
  { pointer, offset, dst }: PointerOperands,
  plan: SanitizePlan,
  commit: boolean,
): SanitizeProblem | 0 {
  if (canSkipAluSanitation(env, row)) return 0;
  const constant = isConstant(offset);
  const inDst = pointer === dst;
  // A speculative path is only followed to find bad accesses: the plan was made on the way that leads here.
  if (!env.current.speculative) {
    const negative = offset.sminHi < 0;
    if (!commit) {
      if (!constant && negative !== offset.smaxHi < 0) return SanitizeProblem.BOUNDS;
      plan.maskToLeft = (row.operation === Operation.add) === negative;
    }
    let limit = retrievePtrLimit(pointer, plan.maskToLeft);
    if (limit < 0) return -limit as SanitizeProblem;
    let state: number;
    if (commit) {
      state = plan.aluState;
      limit = Math.abs((plan.aluLimit - limit) | 0);
    } else {
      state =
        (negative ? AluState.NEG_VALUE : 0) |
        (constant ? AluState.IMMEDIATE : 0) |
        (inDst ? AluState.SANITIZE_SRC : AluState.SANITIZE_DST);
      // Paths that look alike may need different masks.
      if (!constant) env.exploreAluLimits = true;
    }
    if (!updateAluSanitationState(commit ? env.currentAux : plan, state, limit)) return SanitizeProblem.PATHS;
  }
  // A known register becomes an immediate, and needs no mask.
  if (commit || constant) return 0;
  return simulateTruncation(env, pointer, dst) ? 0 : SanitizeProblem.STACK;
}

/** Follows what happens where the mask makes the offset 0: the pointer, unmoved, goes on in `dst`. */
function simulateTruncation(env: Environment, pointer: Register, dst: Register): boolean {
  const { insnIdx } = env;
  if (pointer === dst) {
    // By now Linux has forgotten its 32-bit ranges, and deduces them again only after the addition.
    const { bounds } = dst;
    const draft = draftOf(bounds);
    unbound32(draft);
    dst.bounds = draft;
    const pushed = sanitizeSpeculativePath(env, null, insnIdx + 1, insnIdx);
    dst.bounds = bounds;
    return pushed;
  }
  const saved = dst.clone();
  dst.copyFrom(pointer);
  if (!sanitizeSpeculativePath(env, null, insnIdx + 1, insnIdx)) return false;
  dst.copyFrom(saved);
  return true;
}

/** Refuses arithmetic that cannot be made safe (`sanitize_err`); `offsetInDst`: the pointer is the source. */
export function refuseSanitation(
  env: Environment,
  insn: Insn,
  row: InsnRow,
  problem: SanitizeProblem,
  offsetInDst: boolean,
): never {
  const { dst, src } = insn;
  const operation = row.operation === Operation.add ? "add" : "sub";
  switch (problem) {
    case SanitizeProblem.BOUNDS:
      return env.refuse(
        Errno.EACCES,
        `R${offsetInDst ? dst : src} has unknown scalar with mixed signed bounds, ${PROHIBITED}`,
      );
    case SanitizeProblem.TYPE:
      return env.refuse(
        Errno.EACCES,
        `R${offsetInDst ? src : dst} has pointer with unsupported alu operation, ${PROHIBITED}`,
      );
    case SanitizeProblem.PATHS:
      return env.refuse(
        Errno.EACCES,
        `R${dst} tried to ${operation} from different maps, paths or scalars, ${PROHIBITED}`,
      );
    case SanitizeProblem.LIMIT:
      return env.refuse(Errno.EACCES, `R${dst} tried to ${operation} beyond pointer bounds, ${PROHIBITED}`);
    case SanitizeProblem.STACK:
      return env.refuse(
        Errno.ENOMEM,
        `R${dst} could not be pushed for speculative verification, ${PROHIBITED}`,
      );
    default:
      throw new Rejection(Errno.EFAULT, "");
  }
}
