import type { Environment } from "../environment/environment.ts";
import { LOCK_MASK, type Reference, RefType } from "../state/reference.ts";
import type { VerifierState } from "../state/verifier-state.ts";
import { markRegInvalid } from "./invalidate.ts";

/** Notes that the instruction takes an object that has to be given back. @returns its id */
export function acquireReference(env: Environment, insnIdx: number): number {
  const id = ++env.idGen;
  env.current.refs.push({ type: RefType.PTR, id, insnIdx, object: null });
  return id;
}

/** Notes a lock; `type` is one of the locks of {@link RefType}, `id` that of the pointer to what holds it. */
export function acquireLockState(
  env: Environment,
  insnIdx: number,
  type: number,
  id: number,
  object: object | null,
): void {
  const state = env.current;
  state.refs.push({ type, id, insnIdx, object });
  state.activeLocks++;
  state.activeLockId = id;
  state.activeLockObject = object;
}

/** Notes that interrupts are off. @returns the id of the saved state */
export function acquireIrqState(env: Environment, insnIdx: number): number {
  const id = ++env.idGen;
  env.current.refs.push({ type: RefType.IRQ, id, insnIdx, object: null });
  env.current.activeIrqId = id;
  return id;
}

/** `type` may be several of {@link RefType}. */
export function findLockState(
  state: VerifierState,
  type: number,
  id: number,
  object: object | null,
): Reference | null {
  return state.refs.find((ref) => (ref.type & type) !== 0 && ref.id === id && ref.object === object) ?? null;
}

/** Forgets a reference, but leaves the registers that have it. @returns false: it was not held */
export function releaseReferenceNomark(state: VerifierState, refObjId: number): boolean {
  const index = state.refs.findIndex((ref) => ref.type === RefType.PTR && ref.id === refObjId);
  if (index < 0) return false;
  state.refs.splice(index, 1);
  return true;
}

/** Gives a reference back; all copies of the pointer become worthless. @returns false: it was not held */
export function releaseReference(env: Environment, refObjId: number): boolean {
  if (!releaseReferenceNomark(env.current, refObjId)) return false;
  env.current.forEachRegister((reg) => {
    if (reg.refObjId === refObjId) markRegInvalid(env, reg);
  });
  return true;
}

/** Unlocks; the lock taken before it is the active one again. @returns false: it was not held */
export function releaseLockState(
  state: VerifierState,
  type: number,
  id: number,
  object: object | null,
): boolean {
  let before: Reference | null = null;
  for (let i = 0; i < state.refs.length; i++) {
    const ref = state.refs[i]!;
    if (ref.type === type && ref.id === id && ref.object === object) {
      state.refs.splice(i, 1);
      state.activeLocks--;
      state.activeLockId = before?.id ?? 0;
      state.activeLockObject = before?.object ?? null;
      return true;
    }
    if ((ref.type & LOCK_MASK) !== 0) before = ref;
  }
  return false;
}

/** Restores interrupts. @returns false: `id` is not the state that was saved last (EACCES) */
export function releaseIrqState(state: VerifierState, id: number): boolean {
  if (id !== state.activeIrqId) return false;
  let before = 0;
  for (let i = 0; i < state.refs.length; i++) {
    const ref = state.refs[i]!;
    if (ref.type !== RefType.IRQ) continue;
    if (ref.id === id) {
      state.refs.splice(i, 1);
      state.activeIrqId = before;
      return true;
    }
    before = ref.id;
  }
  return false;
}
