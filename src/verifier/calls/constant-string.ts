import { parseFormat } from "../../platform/index.ts";
import { BpfMapType, Errno } from "../../uapi/index.ts";
import { checkMapAccess } from "../access/map-access.ts";
import { mapIsRdonly } from "../access/map-constant.ts";
import type { Environment } from "../environment/environment.ts";
import type { VerifierMap } from "../environment/map.ts";
import { Rejection } from "../environment/rejection.ts";
import { isConstant } from "../ranges/bounds.ts";
import { RegType } from "../state/reg-type.ts";
import type { Register } from "../state/register.ts";

/** Refuses all but a pointer to a string, ended by a zero, that never changes (`check_reg_const_str`). */
export function checkRegConstStr(env: Environment, reg: Register, regno: number): void {
  if (reg.type !== RegType.PTR_TO_MAP_VALUE) throw new Rejection(Errno.EINVAL, "");
  const map = reg.map!;
  if (!mapIsRdonly(map)) env.refuse(Errno.EACCES, `R${regno} does not point to a readonly map'`);
  if (!isConstant(reg.bounds)) env.refuse(Errno.EACCES, `R${regno} is not a constant address'`);
  if (map.type !== BpfMapType.ARRAY && map.type !== BpfMapType.ARENA) {
    env.refuse(Errno.EACCES, "no direct value access support for this map type");
  }
  checkMapAccess(env, regno, reg.off, map.valueSize - reg.off, false, "helper");
  if (map.maxEntries !== 1 || map.constant === undefined) {
    env.refuse(Errno.ENOTSUPP, "direct value access on string failed");
  }
  if (constantString(map, stringOffset(reg)) === null) {
    env.refuse(Errno.EINVAL, "string is not zero-terminated");
  }
}

function stringOffset(reg: Register): number {
  return reg.off + Number(reg.bounds.value);
}

/** The string with its zero at `off` of a constant map's value; null where none ends there. */
function constantString(map: VerifierMap, off: number): Uint8Array | null {
  const bytes: number[] = [];
  for (let at = off; at < map.valueSize; at++) {
    const byte = Number(map.constant?.(at, 1) ?? 0n);
    bytes.push(byte);
    if (byte === 0) return Uint8Array.from(bytes);
  }
  return null;
}

/** The string that a register points to which {@link checkRegConstStr} let pass. */
export function constantStringOf(reg: Register): Uint8Array {
  return constantString(reg.map!, stringOffset(reg)) ?? new Uint8Array(1);
}

/** Refuses a format that bpf_snprintf could not print with what it is given (`check_bpf_snprintf_call`). */
export function checkSnprintfCall(env: Environment): void {
  const dataLength = Number(env.reg(5).bounds.value);
  // The data are 64-bit numbers.
  if (dataLength % 8 !== 0) throw new Rejection(Errno.EINVAL, "");
  if (parseFormat(constantStringOf(env.reg(3)), dataLength / 8) === null) {
    env.refuse(Errno.EINVAL, "Invalid format string");
  }
}
