import { low32 } from "../../base/index.ts";
import { Errno } from "../../uapi/index.ts";
import type { Environment } from "../environment/environment.ts";
import { MAX_VAR_OFF } from "../state/limits.ts";
import { RegType } from "../state/reg-type.ts";

const UNBOUNDED_FROM = BigInt(MAX_VAR_OFF);

/** The sum, cut to 32 bits as the kernel's `int` does. */
function toInt(value: bigint, off: number): number {
  const sum = Number(value) + off;
  return Number.isSafeInteger(sum) ? sum | 0 : low32(value + BigInt(off));
}

/** Why `[off, off + size)` is not inside a region of `memSize` bytes; null: it is (`__check_mem_access`). */
export function regionProblem(
  env: Environment,
  regno: number,
  off: number,
  size: number,
  memSize: number,
  zeroSizeAllowed: boolean,
): string | null {
  const sizeOk = size > 0 || (size === 0 && zeroSizeAllowed);
  if (off >= 0 && sizeOk && off + size <= memSize) return null;
  const reg = env.reg(regno);
  switch (reg.type) {
    case RegType.PTR_TO_MAP_KEY:
      return `invalid access to map key, key_size=${memSize | 0} off=${off} size=${size}`;
    case RegType.PTR_TO_MAP_VALUE:
      return `invalid access to map value, value_size=${memSize | 0} off=${off} size=${size}`;
    case RegType.PTR_TO_PACKET:
    case RegType.PTR_TO_PACKET_META:
    case RegType.PTR_TO_PACKET_END:
      return `invalid access to packet, off=${off} size=${size}, R${regno}(id=${reg.id},off=${off},r=${memSize | 0})`;
    default:
      return `invalid access to memory, mem_size=${memSize >>> 0} off=${off} size=${size}`;
  }
}

/** "R1 min value is negative": what the kernel says of an index without a lower bound. */
export function refuseNegativeMinimum(env: Environment, regno: number): never {
  return env.refuse(
    Errno.EACCES,
    `R${regno} min value is negative, either use unsigned index or do a if (index >=0) check.`,
  );
}

function refuseRegion(env: Environment, problem: string, regno: number, limit: "min" | "max"): never {
  env.log.write(`${problem}\n`);
  return env.refuse(Errno.EACCES, `R${regno} ${limit} value is outside of the allowed memory range`);
}

/**
 * An access to a region of `memSize` bytes, with a variable offset maybe: its lowest and its highest place are tried
 * (`check_mem_region_access`). `off` includes the register's fixed offset.
 */
export function checkMemRegionAccess(
  env: Environment,
  regno: number,
  off: number,
  size: number,
  memSize: number,
  zeroSizeAllowed: boolean,
): void {
  const { bounds } = env.reg(regno);
  if ((bounds.umaxHi | bounds.umaxLo) === 0) {
    const problem = regionProblem(env, regno, off, size, memSize, zeroSizeAllowed);
    if (problem !== null) refuseRegion(env, problem, regno, "min");
    return;
  }
  const { smin, umax } = bounds;
  if (smin < 0n) {
    if (Number(smin) + off < 0) refuseNegativeMinimum(env, regno);
  }
  const lowest = toInt(smin, off);
  const atMinimum = regionProblem(env, regno, lowest, size, memSize, zeroSizeAllowed);
  if (atMinimum !== null) refuseRegion(env, atMinimum, regno, "min");
  if (umax >= UNBOUNDED_FROM) {
    env.refuse(Errno.EACCES, `R${regno} unbounded memory access, make sure to bounds check any such access`);
  }
  const atMaximum = regionProblem(env, regno, Number(umax) + off, size, memSize, zeroSizeAllowed);
  if (atMaximum !== null) refuseRegion(env, atMaximum, regno, "max");
}
