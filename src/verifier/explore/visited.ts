import { Errno } from "../../uapi/index.ts";
import type { Environment } from "../environment/environment.ts";
import { Rejection } from "../environment/rejection.ts";
import { verboseLinfo } from "../log/insn-text.ts";
import { printVerifierState } from "../log/state-text.ts";
import { isMayGoto } from "../program/flow-kind.ts";
import { MAX_BPF_REG, REG_SIZE } from "../state/limits.ts";
import { IteratorState } from "../state/register.ts";
import { SlotType } from "../state/stack-slot.ts";
import type { VerifierState } from "../state/verifier-state.ts";
import { maybeFreeVerifierState } from "./branch-counts.ts";
import { cleanLiveStates } from "./clean.ts";
import { pushJmpHistory } from "./history.ts";
import { propagatePrecision } from "./propagate.ts";
import { ExactLevel } from "./reg-safe.ts";
import { sameKnowledge } from "./same-register.ts";
import { markAllScalarsImprecise } from "./scalar-precision.ts";
import { addSccBackedge, incompleteReadMarks, maybeEnterScc } from "./scc.ts";
import { statesEqual } from "./states-equal.ts";

/** Longest history of a state before another one is cached. */
const MAX_HISTORY = 40;
/** `BPF_COMPLEXITY_LIMIT_STATES`: most states at an instruction, without CAP_BPF. */
const MAX_STATES_UNPRIVILEGED = 64;
/** How often a cached state may be met without use before it is evicted; and one at which loops converge. */
const MISSES = 3;
const MISSES_AT_CHECKPOINT = 64;

/** What a cached state from which paths are still explored says of the current one. */
const Loop = {
  /** Nothing. */
  MISS: 0,
  /** The current one adds nothing. */
  HIT: 1,
  /** It adds nothing, but what is precise is known only when the loop is done. */
  BACKEDGE: 2,
} as const;
type Loop = (typeof Loop)[keyof typeof Loop];

/**
 * Whether a cached state covers the current one, so that its path need not be followed. If not, the current state is
 * cached, unless the last one is too near (`is_state_visited`).
 */
export function isStateVisited(env: Environment, insnIdx: number): boolean {
  const { explored, current } = env;
  const forced =
    env.testStateFreq || env.aux[insnIdx]!.forceCheckpoint || current.history.length > MAX_HISTORY;
  const jumps = env.jmpsProcessed - env.prevJmpsProcessed;
  const insns = env.insnProcessed - env.prevInsnProcessed;
  let add = forced || (jumps >= 2 && insns >= 8);
  const cached = explored.at(insnIdx, current.frame.callsite);
  cleanLiveStates(env, insnIdx, current, cached);

  let states = 0;
  // Kept from one state to the next, as in the kernel: a callback's hit takes over what an earlier state left here.
  let loop = false;
  for (let i = cached.length - 1; i >= 0; i--) {
    const state = cached[i]!;
    states++;
    if (state.insnIdx !== insnIdx) continue;
    let hit: boolean;
    if (state.branches > 0) {
      const found = compareInLoop(env, insnIdx, state);
      loop ||= found === Loop.BACKEDGE;
      hit = found !== Loop.MISS;
      // States of single iterations rarely help: do not keep too many.
      if (!hit && !forced && jumps < 20 && insns < 100) add = false;
    } else {
      loop = incompleteReadMarks(env, state);
      hit = statesEqual(env, state, current, loop ? ExactLevel.RANGE_WITHIN : ExactLevel.NOT_EXACT);
    }
    if (hit) {
      takeHit(env, insnIdx, state, loop);
      return true;
    }
    if (add) state.missCount++;
    const limit = env.aux[insnIdx]!.forceCheckpoint && state.branches > 0 ? MISSES_AT_CHECKPOINT : MISSES;
    if (state.missCount > state.hitCount * limit + limit) {
      cached.splice(i, 1);
      evict(env, state);
    }
  }
  if (env.maxStatesPerInsn < states) env.maxStatesPerInsn = states;
  if (!env.bpfCapable && states > MAX_STATES_UNPRIVILEGED) return false;
  if (add) cache(env, insnIdx, cached);
  return false;
}

/** Meets a cached state that the current path, or one that is still to be explored, came through. */
function compareInLoop(env: Environment, insnIdx: number, state: VerifierState): Loop {
  const { current } = env;
  const { frame } = state;
  // Another start of an asynchronous callback is no loop.
  if (frame.inAsyncCallback && frame.asyncEntryCnt !== current.frame.asyncEntryCnt) return Loop.MISS;
  if (env.aux[insnIdx]!.isIterNext) {
    return statesEqual(env, state, current, ExactLevel.RANGE_WITHIN) && hasActiveIterator(current)
      ? Loop.BACKEDGE
      : Loop.MISS;
  }
  if (isMayGoto(env.insns[insnIdx]!)) {
    if (
      state.mayGotoDepth !== current.mayGotoDepth &&
      statesEqual(env, state, current, ExactLevel.RANGE_WITHIN)
    ) {
      return Loop.BACKEDGE;
    }
  }
  if (env.aux[insnIdx]!.callsCallback) {
    return statesEqual(env, state, current, ExactLevel.RANGE_WITHIN) ? Loop.HIT : Loop.MISS;
  }
  if (
    statesMaybeLooping(state, current) &&
    statesEqual(env, state, current, ExactLevel.EXACT) &&
    !iterActiveDepthsDiffer(state, current) &&
    state.mayGotoDepth === current.mayGotoDepth &&
    state.callbackUnrollDepth === current.callbackUnrollDepth
  ) {
    refuseInfiniteLoop(env, insnIdx, state);
  }
  return Loop.MISS;
}

function refuseInfiniteLoop(env: Environment, insnIdx: number, state: VerifierState): never {
  const { current, log } = env;
  verboseLinfo(env, insnIdx, "; ");
  log.write(`infinite loop detected at insn ${insnIdx}\n`);
  log.write("cur state:");
  printVerifierState(env, current, current.curframe, { all: true });
  log.write("old state:");
  printVerifierState(env, state, current.curframe, { all: true });
  throw new Rejection(Errno.EINVAL, `infinite loop detected at insn ${insnIdx}`);
}

/** The iterator that r1 points to, argument of the function that advances it, has not ended. */
function hasActiveIterator(state: VerifierState): boolean {
  const pointer = state.regs[1]!;
  const off = pointer.off + Number(BigInt.asIntN(32, pointer.bounds.value));
  const slot = state.frames[pointer.frameno]!.stack[Math.trunc((-off - 1) / REG_SIZE)];
  return slot !== undefined && slot.spilled.iterState === IteratorState.ACTIVE;
}

/** The registers are the same, ids included: a cheap test before the true one (`states_maybe_looping`). */
function statesMaybeLooping(old: VerifierState, current: VerifierState): boolean {
  if (old.frames.length !== current.frames.length) return false;
  const before = old.regs;
  const now = current.regs;
  for (let regno = 0; regno < MAX_BPF_REG; regno++) {
    const a = before[regno]!;
    const b = now[regno]!;
    if (a.id !== b.id || a.refObjId !== b.refObjId || !sameKnowledge(a, b)) return false;
  }
  return true;
}

/** An iterator has advanced (`iter_active_depths_differ`). */
function iterActiveDepthsDiffer(old: VerifierState, current: VerifierState): boolean {
  for (let fr = old.curframe; fr >= 0; fr--) {
    const { stack } = old.frames[fr]!;
    for (let spi = 0; spi < stack.length; spi++) {
      const slot = stack[spi]!;
      if (slot.typeOf(0) !== SlotType.ITER || slot.spilled.iterState !== IteratorState.ACTIVE) continue;
      if (current.frames[fr]!.stack[spi]!.spilled.iterDepth !== slot.spilled.iterDepth) return true;
    }
  }
  return false;
}

/** The path ends in a cached state. */
function takeHit(env: Environment, insnIdx: number, state: VerifierState, loop: boolean): void {
  const { current } = env;
  state.hitCount++;
  if (env.aux[env.insnIdx]!.jmpPoint) pushJmpHistory(env, current, 0, null);
  propagatePrecision(env, state, current);
  if (!loop) return;
  const backedge = env.pool.snapshot(current, state);
  backedge.equalState = state;
  backedge.insnIdx = insnIdx;
  addSccBackedge(env, state, backedge);
}

function evict(env: Environment, state: VerifierState): void {
  const { explored } = env;
  state.evicted = true;
  explored.freeListSize++;
  explored.size--;
  maybeFreeVerifierState(env, state);
}

/** Keeps a copy of the current state, which becomes the parent of what follows. */
function cache(env: Environment, insnIdx: number, cached: VerifierState[]): void {
  const { explored, current } = env;
  env.totalStates++;
  explored.size++;
  explored.updatePeak();
  env.prevJmpsProcessed = env.jmpsProcessed;
  env.prevInsnProcessed = env.insnProcessed;
  // It is marked again by what will need it.
  if (env.bpfCapable) markAllScalarsImprecise(current);
  const state = env.pool.snapshot(current, current.parent);
  state.insnIdx = insnIdx;
  current.history = [];
  maybeEnterScc(env, state);
  current.parent = state;
  current.firstInsnIdx = insnIdx;
  current.dfsDepth = state.dfsDepth + 1;
  cached.push(state);
}
