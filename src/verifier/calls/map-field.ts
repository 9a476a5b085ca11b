import { Errno } from "../../uapi/index.ts";
import { regBtfRecord } from "../btf-fields/reg-btf-record.ts";
import type { Environment } from "../environment/environment.ts";
import type { VerifierMap } from "../environment/map.ts";
import { FieldType, fieldOfType, hasField, KPTR_MASK } from "../environment/record.ts";
import { isConstant } from "../ranges/bounds.ts";
import { isAllocatedObject } from "../state/reg-type.ts";
import type { CallMeta } from "./call-meta.ts";

/** The map that an argument belongs to, with what tells inner maps apart. */
export interface MapOfCall {
  readonly map: VerifierMap;
  readonly uid: number;
}

const NAMES: { readonly [type: number]: string } = {
  [FieldType.TIMER]: "bpf_timer",
  [FieldType.WORKQUEUE]: "bpf_wq",
  [FieldType.TASK_WORK]: "bpf_task_work",
};
const HELPERS: { readonly [type: number]: string } = {
  [FieldType.TIMER]: "timer",
  [FieldType.WORKQUEUE]: "bpf_wq",
  [FieldType.TASK_WORK]: "bpf_task_work",
};

/** Refuses all but a pointer to this field of a map's value (`check_map_field_pointer`). */
function checkMapFieldPointer(env: Environment, regno: number, type: number): void {
  const reg = env.reg(regno);
  const map = reg.map!;
  const name = NAMES[type]!;
  if (!isConstant(reg.bounds)) {
    env.refuse(
      Errno.EINVAL,
      `R${regno} doesn't have constant offset. ${name} has to be at the constant offset`,
    );
  }
  if (map.btf === null) {
    env.refuse(Errno.EINVAL, `map '${map.name}' has to have BTF in order to use ${name}`);
  }
  const field = fieldOfType(map.record, type);
  if (field === null) env.refuse(Errno.EINVAL, `map '${map.name}' has no valid ${name}`);
  const off = BigInt.asIntN(64, reg.bounds.value + BigInt(reg.off));
  if (BigInt(field.offset) !== off) {
    env.refuse(Errno.EINVAL, `off ${off} doesn't point to 'struct ${name}' that is at ${field.offset}`);
  }
}

/**
 * Checks a timer, work queue or task work (`type`, of {@link FieldType}) in a map's value: `process_timer_func`,
 * `process_wq_func`, `process_task_work_func`.
 *
 * @param known the call has met a map already
 * @returns the map that the value belongs to
 */
export function processMapField(env: Environment, regno: number, type: number, known: boolean): MapOfCall {
  checkMapFieldPointer(env, regno, type);
  if (known) env.refuse(Errno.EFAULT, `verifier bug: Two map pointers in a ${HELPERS[type]} helper`);
  const reg = env.reg(regno);
  return { map: reg.map!, uid: reg.mapUid };
}

/** Finds the kptr that the destination of bpf_kptr_xchg is (`process_kptr_func`). */
export function processKptrFunc(env: Environment, regno: number, meta: CallMeta): void {
  const reg = env.reg(regno);
  const map = isAllocatedObject(reg.type) ? null : reg.map!;
  if (map !== null) {
    if (map.btf === null) {
      env.refuse(Errno.EINVAL, `map '${map.name}' has to have BTF in order to use bpf_kptr_xchg`);
    }
    meta.map = map;
  }
  const record = map === null ? regBtfRecord(env, reg) : map.record;
  if (!isConstant(reg.bounds)) {
    env.refuse(Errno.EINVAL, `R${regno} doesn't have constant offset. kptr has to be at the constant offset`);
  }
  if (record === null || !hasField(record, KPTR_MASK)) {
    env.refuse(Errno.EINVAL, `R${regno} has no valid kptr`);
  }
  const off = Number(BigInt.asIntN(32, BigInt(reg.off) + reg.bounds.value));
  const field = record.fields.find(({ offset, type }) => offset === off && (type & KPTR_MASK) !== 0);
  if (field === undefined) env.refuse(Errno.EACCES, `off=${off} doesn't point to kptr`);
  if ((field.type & (FieldType.KPTR_REF | FieldType.KPTR_PERCPU)) === 0) {
    env.refuse(Errno.EACCES, `off=${off} kptr isn't referenced kptr`);
  }
  meta.kptrField = field;
}
