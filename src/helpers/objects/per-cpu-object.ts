import type { HelperCall } from "../helper.ts";

/**
 * Memory with a copy for each CPU. Pointers to it are to the first CPU's copy; in front of that stands the distance from
 * one copy to the next.
 *
 * ```text
 *   -8         0          stride
 *  +----------+----------+----------+----
 *  | stride   | CPU 0    | CPU 1    | …
 *  +----------+----------+----------+----
 * ```
 */
export const PER_CPU_HEADER = 8;

/** Bytes of the whole, with its header, for copies of a size. */
export function perCpuSize(size: number, cpus: number): number {
  return PER_CPU_HEADER + strideOf(size) * cpus;
}

/** From the whole to what pointers are to, once the distance is noted. */
export function initPerCpu(view: DataView, block: number, size: number): number {
  view.setUint32(block, strideOf(size), true);
  return block + PER_CPU_HEADER;
}

function strideOf(size: number): number {
  return (size + 7) & -8;
}

/** `bpf_percpu_obj_new_impl`: zeros; the verifier lets no special fields be in it. NULL where memory is exhausted. */
export function createPerCpu(call: HelperCall, size: number): number {
  const cpus = call.services.cpus ?? 1;
  const block = call.services.objects?.allocate(perCpuSize(size, cpus)) ?? 0;
  return block === 0 ? 0 : initPerCpu(call.memory.view(), block, size);
}

export function dropPerCpu(call: HelperCall, at: number): void {
  call.services.objects?.release(at - PER_CPU_HEADER);
}

/** Where a CPU's copy is; 0 where there is no such CPU. */
export function perCpuAt(call: HelperCall, at: number, cpu: number): number {
  if (cpu >= (call.services.cpus ?? 1)) return 0;
  return at + cpu * call.memory.view().getUint32(at - PER_CPU_HEADER, true);
}
