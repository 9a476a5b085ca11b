import type { Environment } from "../environment/environment.ts";
import type { Frame } from "../state/frame.ts";
import { MAX_BPF_REG } from "../state/limits.ts";
import { LOCK_MASK } from "../state/reference.ts";
import type { VerifierState } from "../state/verifier-state.ts";
import { frameInsnIdx } from "./explored-states.ts";
import { type ExactLevel, regSafe } from "./reg-safe.ts";
import { stackSafe } from "./stack-safe.ts";

/** What is safe to do from `old`, which was cached, is safe to do from `current` (`states_equal`). */
export function statesEqual(
  env: Environment,
  old: VerifierState,
  current: VerifierState,
  exact: ExactLevel,
): boolean {
  const depth = old.frames.length;
  if (depth !== current.frames.length) return false;
  env.idMap.reset(env.idGen);
  // What a wrong guess of a CPU leads to is checked less strictly.
  if (old.speculative && !current.speculative) return false;
  if (old.inSleepable !== current.inSleepable) return false;
  if (!refSafe(env, old, current)) return false;
  for (let i = 0; i < depth; i++) {
    const before = old.frames[i]!;
    const now = current.frames[i]!;
    if (before.callsite !== now.callsite) return false;
    if (!funcStatesEqual(env, before, now, frameInsnIdx(old, i), exact)) return false;
  }
  return true;
}

/** `func_states_equal` */
function funcStatesEqual(
  env: Environment,
  old: Frame,
  current: Frame,
  insnIdx: number,
  exact: ExactLevel,
): boolean {
  if (old.callbackDepth > current.callbackDepth) return false;
  const live = env.aux[insnIdx]!.liveRegsBefore;
  for (let regno = 0; regno < MAX_BPF_REG; regno++) {
    if ((live & (1 << regno)) === 0) continue;
    if (!regSafe(env, old.regs[regno]!, current.regs[regno]!, exact)) return false;
  }
  return stackSafe(env, old, current, exact);
}

/** Both hold the same references and locks (`refsafe`). */
function refSafe(env: Environment, old: VerifierState, current: VerifierState): boolean {
  const ids = env.idMap;
  const count = old.refs.length;
  if (count !== current.refs.length) return false;
  if (old.activeLocks !== current.activeLocks) return false;
  if (old.activePreemptLocks !== current.activePreemptLocks) return false;
  if (old.activeRcuLock !== current.activeRcuLock) return false;
  if (!ids.matches(old.activeIrqId, current.activeIrqId)) return false;
  if (!ids.matches(old.activeLockId, current.activeLockId)) return false;
  if (old.activeLockObject !== current.activeLockObject) return false;
  for (let i = 0; i < count; i++) {
    const before = old.refs[i]!;
    const now = current.refs[i]!;
    if (!ids.matches(before.id, now.id) || before.type !== now.type) return false;
    if ((before.type & LOCK_MASK) !== 0 && before.object !== now.object) return false;
  }
  return true;
}
