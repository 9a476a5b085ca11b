import { BpfProgType, Errno } from "../../uapi/index.ts";
import type { Environment } from "../environment/environment.ts";
import { Rejection } from "../environment/rejection.ts";
import { resolvedType } from "../environment/resolved-type.ts";
import type { AccessType, CallMemory } from "./access-type.ts";
import { refuseNegativeMinimum, regionProblem } from "./memory-region.ts";

/**
 * Whether the program may access its packet through pointers (`may_access_direct_pkt_data`).
 *
 * @param meta of a call that gets such a pointer; null: the program itself makes the access
 */
export function mayAccessDirectPktData(env: Environment, meta: CallMemory | null, type: AccessType): boolean {
  const program = resolvedType(env);
  if (program.type === BpfProgType.CGROUP_SOCKOPT) {
    if (type === "write") env.seenDirectWrite = true;
    return true;
  }
  if (program.packet === "none" || (program.packet === "read" && type === "write")) return false;
  if (meta !== null) return meta.pktAccess;
  env.seenDirectWrite = true;
  return true;
}

/** An access to the packet, inside what comparisons have shown to be there (`check_packet_access`). */
export function checkPacketAccess(
  env: Environment,
  regno: number,
  off: number,
  size: number,
  zeroSizeAllowed: boolean,
): void {
  const reg = env.reg(regno);
  // The range begins behind the variable offset.
  if (reg.bounds.sminHi < 0) refuseNegativeMinimum(env, regno);
  const problem = reg.range < 0 ? "" : regionProblem(env, regno, off, size, reg.range, zeroSizeAllowed);
  if (problem !== null) {
    if (problem !== "") env.log.write(`${problem}\n`);
    const message = `R${regno} offset is outside of the packet`;
    env.log.write(`${message}\n`);
    throw new Rejection(problem === "" ? Errno.EINVAL : Errno.EACCES, message);
  }
  const end = off + Number(reg.bounds.umax) + size - 1;
  if (end > env.maxPktOffset) env.maxPktOffset = end;
}
