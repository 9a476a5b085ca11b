import { Errno } from "../../uapi/index.ts";
import { regBtfRecord } from "../btf-fields/reg-btf-record.ts";
import type { Environment } from "../environment/environment.ts";
import { FieldType, fieldOfType } from "../environment/record.ts";
import { isConstant } from "../ranges/bounds.ts";
import { RefType } from "../state/reference.ts";
import { RegType } from "../state/reg-type.ts";
import { invalidateNonOwningRefs } from "./invalidate.ts";
import { acquireLockState, findLockState, releaseLockState } from "./references.ts";

/** What {@link processSpinLock} is asked to do. */
export interface LockOperation {
  /** Taken; else given back. */
  readonly lock: boolean;
  /** A `bpf_res_spin_lock`. */
  readonly resilient: boolean;
  /** With interrupts off. */
  readonly irq: boolean;
}

/** Takes or gives back the lock that a register points to (`process_spin_lock`). */
export function processSpinLock(env: Environment, regno: number, operation: LockOperation): void {
  const { lock, resilient, irq } = operation;
  const reg = env.reg(regno);
  const state = env.current;
  const name = resilient ? "bpf_res_spin" : "bpf_spin";
  if (!isConstant(reg.bounds)) {
    env.refuse(
      Errno.EINVAL,
      `R${regno} doesn't have constant offset. ${name}_lock has to be at the constant offset`,
    );
  }
  const map = reg.type === RegType.PTR_TO_MAP_VALUE ? reg.map! : null;
  if (map !== null && map.btf === null) {
    env.refuse(Errno.EINVAL, `map '${map.name}' has to have BTF in order to use ${name}_lock`);
  }
  const field = fieldOfType(
    regBtfRecord(env, reg),
    resilient ? FieldType.RES_SPIN_LOCK : FieldType.SPIN_LOCK,
  );
  if (field === null) {
    const owner = map === null ? "local 'kptr'" : `map '${map.name}'`;
    env.refuse(Errno.EINVAL, `${owner} has no valid ${name}_lock`);
  }
  const off = BigInt.asIntN(64, reg.bounds.value + BigInt(reg.off));
  if (BigInt(field.offset) !== off) {
    env.refuse(Errno.EINVAL, `off ${off} doesn't point to 'struct ${name}_lock' that is at ${field.offset}`);
  }

  const object: object | null = map ?? reg.btf;
  const type = !resilient ? RefType.LOCK : irq ? RefType.RES_LOCK_IRQ : RefType.RES_LOCK;
  if (lock) {
    if (state.activeLocks !== 0) {
      if (!resilient && findLockState(state, RefType.LOCK, 0, null) !== null) {
        env.refuse(Errno.EINVAL, "Locking two bpf_spin_locks are not allowed");
      }
      const resilientLocks = RefType.RES_LOCK | RefType.RES_LOCK_IRQ;
      if (resilient && findLockState(state, resilientLocks, reg.id, object) !== null) {
        env.refuse(Errno.EINVAL, "Acquiring the same lock again, AA deadlock detected");
      }
    }
    acquireLockState(env, env.insnIdx, type, reg.id, object);
    return;
  }
  if (state.activeLocks === 0) env.refuse(Errno.EINVAL, `${name}_unlock without taking a lock`);
  if (findLockState(state, type, reg.id, object) === null) {
    env.refuse(Errno.EINVAL, `${name}_unlock of different lock`);
  }
  if (reg.id !== state.activeLockId || object !== state.activeLockObject) {
    env.refuse(Errno.EINVAL, `${name}_unlock cannot be out of order`);
  }
  releaseLockState(state, type, reg.id, object);
  invalidateNonOwningRefs(env);
}
