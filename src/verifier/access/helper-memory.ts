import { Errno } from "../../uapi/index.ts";
import type { Environment } from "../environment/environment.ts";
import { Rejection } from "../environment/rejection.ts";
import { markChainPrecision } from "../explore/precision.ts";
import { regTypeStr } from "../log/reg-type-text.ts";
import { isConstant } from "../ranges/bounds.ts";
import { MAX_VAR_SIZE } from "../state/limits.ts";
import { baseType, isReadOnlyMemory, mayBeNull, RegType } from "../state/reg-type.ts";
import type { Register } from "../state/register.ts";
import { markPtrNotNullReg } from "../transfer/null-marks.ts";
import type { AccessType, CallMemory } from "./access-type.ts";
import { checkPtrToBtfAccess } from "./btf-pointer.ts";
import { checkBufferAccess } from "./buffer-access.ts";
import { hasContextConversion } from "./context-access.ts";
import { checkMapAccess, checkMapAccessType } from "./map-access.ts";
import { checkMemAccess } from "./mem-access.ts";
import { checkMemRegionAccess } from "./memory-region.ts";
import { checkPacketAccess } from "./packet-access.ts";
import { registerIsNull } from "./register-facts.ts";
import { checkStackRangeInitialized } from "./stack-range.ts";

const UNBOUNDED_FROM = BigInt(MAX_VAR_SIZE);

function refuseReadOnly(env: Environment, regno: number, type: AccessType): void {
  if (type === "write") {
    env.refuse(Errno.EACCES, `R${regno} cannot write into ${regTypeStr(env.reg(regno).type)}`);
  }
}

/**
 * A callee accesses `accessSize` bytes behind a pointer (`check_helper_mem_access`).
 *
 * @param meta of a call that may fill the memory; null: it must be initialised
 */
export function checkHelperMemAccess(
  env: Environment,
  regno: number,
  accessSize: number,
  type: AccessType,
  zeroSizeAllowed: boolean,
  meta: CallMemory | null,
): void {
  const reg = env.reg(regno);
  const { off } = reg;
  switch (baseType(reg.type)) {
    case RegType.PTR_TO_PACKET:
    case RegType.PTR_TO_PACKET_META:
      checkPacketAccess(env, regno, off, accessSize, zeroSizeAllowed);
      return;
    case RegType.PTR_TO_MAP_KEY:
      refuseReadOnly(env, regno, type);
      checkMemRegionAccess(env, regno, off, accessSize, reg.map!.keySize, false);
      return;
    case RegType.PTR_TO_MAP_VALUE:
      checkMapAccessType(env, regno, off, accessSize, type);
      checkMapAccess(env, regno, off, accessSize, zeroSizeAllowed, "helper");
      return;
    case RegType.PTR_TO_MEM:
      if (isReadOnlyMemory(reg.type)) refuseReadOnly(env, regno, type);
      checkMemRegionAccess(env, regno, off, accessSize, reg.memSize, zeroSizeAllowed);
      return;
    case RegType.PTR_TO_BUF:
      if (isReadOnlyMemory(reg.type)) refuseReadOnly(env, regno, type);
      checkBufferAccess(env, reg, regno, off, accessSize);
      return;
    case RegType.PTR_TO_STACK:
      checkStackRangeInitialized(env, regno, off, accessSize, zeroSizeAllowed, type, meta);
      return;
    case RegType.PTR_TO_BTF_ID:
      checkPtrToBtfAccess(env, regno, off, accessSize, type, -1);
      return;
    case RegType.PTR_TO_CTX:
      if (!hasContextConversion(env)) {
        checkContextEnd(env, regno, accessSize, type, zeroSizeAllowed);
        return;
      }
      break;
    default:
      break;
  }
  // Nothing can be read from anywhere.
  if (zeroSizeAllowed && accessSize === 0 && registerIsNull(reg)) return;
  env.refuse(
    Errno.EACCES,
    `R${regno} type=${regTypeStr(reg.type)} expected=${regTypeStr(RegType.PTR_TO_STACK)}`,
  );
}

/** A context that is as the callee sees it: how large it is, the access to its last byte says. */
function checkContextEnd(
  env: Environment,
  regno: number,
  accessSize: number,
  type: AccessType,
  zeroSizeAllowed: boolean,
): void {
  if (accessSize === 0) {
    if (!zeroSizeAllowed) throw new Rejection(Errno.EACCES, "");
    return;
  }
  checkMemAccess(env, env.insnIdx, regno, accessSize - 1, 1, type, -1, false, false);
}

/**
 * A pair of arguments, memory and its size: `regno` holds the size, the register before it the pointer
 * (`check_mem_size_reg`).
 */
export function checkMemSizeReg(
  env: Environment,
  reg: Register,
  regno: number,
  type: AccessType,
  zeroSizeAllowed: boolean,
  meta: CallMemory,
): void {
  const { bounds } = reg;
  meta.msizeMaxValue = bounds.umax;
  if (bounds.smin < 0n) {
    env.refuse(Errno.EACCES, `R${regno} min value is negative, either use unsigned or 'var &= const'`);
  }
  if (bounds.umin === 0n && !zeroSizeAllowed) {
    env.refuse(
      Errno.EACCES,
      `R${regno} invalid zero-sized read: u64=[${BigInt.asIntN(64, bounds.umin)},${BigInt.asIntN(64, bounds.umax)}]`,
    );
  }
  if (bounds.umax >= UNBOUNDED_FROM) {
    env.refuse(Errno.EACCES, `R${regno} unbounded memory access, use 'var &= const' or 'if (var < const)'`);
  }
  // How much of it a callee fills is known only of a constant size.
  const filled = isConstant(bounds) ? meta : null;
  checkHelperMemAccess(env, regno - 1, Number(bounds.umax), type, zeroSizeAllowed, filled);
  markChainPrecision(env, regno);
}

/** Runs `check` with the register as it will be where it is not null; the register stays what it was. */
function assumeNotNull(reg: Register, check: () => void): void {
  if (!mayBeNull(reg.type)) {
    check();
    return;
  }
  const saved = reg.clone();
  markPtrNotNullReg(reg);
  try {
    check();
  } finally {
    reg.copyFrom(saved);
  }
}

/** An argument that points to `memSize` bytes, to read and to write, or is null (`check_mem_reg`). */
export function checkMemReg(env: Environment, reg: Register, regno: number, memSize: number): void {
  if (registerIsNull(reg)) return;
  assumeNotNull(reg, () => {
    checkHelperMemAccess(env, regno, memSize, "read", true, null);
    checkHelperMemAccess(env, regno, memSize, "write", true, null);
  });
}

/** As {@link checkMemSizeReg}, of a kernel function: the memory is to read and to write (`check_kfunc_mem_size_reg`). */
export function checkKfuncMemSizeReg(env: Environment, reg: Register, regno: number): void {
  const meta: CallMemory = { rawMode: false, pktAccess: false, regno: 0, accessSize: 0, msizeMaxValue: 0n };
  assumeNotNull(env.reg(regno - 1), () => {
    checkMemSizeReg(env, reg, regno, "read", true, meta);
    checkMemSizeReg(env, reg, regno, "write", true, meta);
  });
}
