import { Errno } from "../../uapi/index.ts";
import { getFuncRetvalRange } from "../calls/return-rule.ts";
import type { Environment } from "../environment/environment.ts";
import { FieldType, KPTR_MASK } from "../environment/record.ts";
import { regTypeStr } from "../log/reg-type-text.ts";
import { isConstant } from "../ranges/bounds.ts";
import { markRegS32Range } from "../ranges/sanity.ts";
import { coerceRegToSize, coerceRegToSizeSx } from "../ranges/truncate.ts";
import { REG_SIZE } from "../state/limits.ts";
import { isPointerValue } from "../state/pointer-value.ts";
import {
  baseType,
  isPacketPointer,
  isReadOnlyMemory,
  isSocketPointer,
  mayBeNull,
  RegType,
  TypeFlag,
} from "../state/reg-type.ts";
import { DEF_NOT_SUBREG, type Register } from "../state/register.ts";
import type { AccessType } from "./access-type.ts";
import { checkPtrAlignment } from "./alignment.ts";
import { checkPtrToBtfAccess } from "./btf-pointer.ts";
import { checkBufferAccess, checkTpBufferAccess } from "./buffer-access.ts";
import { checkCtxAccess } from "./context-access.ts";
import { checkMapKptrAccess } from "./kptr.ts";
import { btfRecordFind, checkMapAccess, checkMapAccessType } from "./map-access.ts";
import { mapDirectRead, mapIsRdonly } from "./map-constant.ts";
import { checkPtrToMapAccess } from "./map-pointer.ts";
import { checkMemRegionAccess } from "./memory-region.ts";
import { checkPacketAccess, mayAccessDirectPktData } from "./packet-access.ts";
import { checkPtrOffReg } from "./pointer-offset.ts";
import { checkFlowKeysAccess, checkSockAccess } from "./socket-access.ts";
import { checkStackAccessWithinBounds } from "./stack-bounds.ts";
import { checkStackRead } from "./stack-read.ts";
import { checkStackWrite } from "./stack-write.ts";

/**
 * An access of `size` bytes (1, 2, 4 or 8) at `regno + off` (`check_mem_access`).
 *
 * @param off without the register's fixed offset
 * @param valueRegno of a write the register whose value is stored, of a read the one that gets it; -1: none
 * @param isLdsx the load extends the sign
 */
export function checkMemAccess(
  env: Environment,
  insnIdx: number,
  regno: number,
  off: number,
  size: number,
  type: AccessType,
  valueRegno: number,
  strictAlignmentOnce: boolean,
  isLdsx: boolean,
): void {
  const reg = env.reg(regno);
  checkPtrAlignment(env, reg, off, size, strictAlignmentOnce);
  const access: Access = { insnIdx, regno, off: off + reg.off, size, type, valueRegno, isLdsx };
  if (reg.type === RegType.PTR_TO_STACK) accessStack(env, access);
  else accessOther(env, reg, access);
  if (size === REG_SIZE || type !== "read" || valueRegno < 0) return;
  const value = env.reg(valueRegno);
  if (value.type !== RegType.SCALAR_VALUE) return;
  if (isLdsx) coerceRegToSizeSx(value, size);
  else coerceRegToSize(value, size);
}

/** An access to memory; `off` includes the register's fixed offset. */
interface Access {
  readonly insnIdx: number;
  readonly regno: number;
  readonly off: number;
  readonly size: number;
  readonly type: AccessType;
  readonly valueRegno: number;
  readonly isLdsx: boolean;
}

function accessStack(env: Environment, { regno, off, size, type, valueRegno, insnIdx }: Access): void {
  checkStackAccessWithinBounds(env, regno, off, size, type);
  if (type === "read") checkStackRead(env, regno, off, size, valueRegno);
  else checkStackWrite(env, regno, off, size, valueRegno, insnIdx);
}

function accessOther(env: Environment, reg: Register, access: Access): void {
  switch (reg.type) {
    case RegType.PTR_TO_MAP_KEY:
      accessMapKey(env, reg, access);
      return;
    case RegType.PTR_TO_MAP_VALUE:
      accessMapValue(env, reg, access);
      return;
    case RegType.PTR_TO_CTX:
      accessContext(env, reg, access);
      return;
    case RegType.PTR_TO_FLOW_KEYS:
      refuseLeak(env, access, "flow keys");
      checkFlowKeysAccess(env, access.off, access.size);
      markLoaded(env, access);
      return;
    case RegType.PTR_TO_TP_BUFFER:
      checkTpBufferAccess(env, reg, access.regno, access.off, access.size);
      markLoaded(env, access);
      return;
    case RegType.CONST_PTR_TO_MAP:
      checkPtrToMapAccess(env, access.regno, access.off, access.size, access.type, access.valueRegno);
      return;
    case RegType.PTR_TO_ARENA:
      markLoaded(env, access);
      return;
    default:
      accessByBase(env, reg, access);
  }
}

/** Types that may have flags. */
function accessByBase(env: Environment, reg: Register, access: Access): void {
  const { type } = reg;
  if (baseType(type) === RegType.PTR_TO_MEM) accessMemory(env, reg, access);
  else if (isPacketPointer(type)) accessPacket(env, access);
  else if (isSocketPointer(type)) {
    if (access.type === "write") refuseReadOnly(env, reg, access);
    checkSockAccess(env, access.insnIdx, access.regno, access.off, access.size);
    markLoaded(env, access);
  } else if (baseType(type) === RegType.PTR_TO_BTF_ID && !mayBeNull(type)) {
    checkPtrToBtfAccess(env, access.regno, access.off, access.size, access.type, access.valueRegno);
  } else if (baseType(type) === RegType.PTR_TO_BUF) {
    if (isReadOnlyMemory(type) && access.type === "write") refuseReadOnly(env, reg, access);
    checkBufferAccess(env, reg, access.regno, access.off, access.size);
    markLoaded(env, access);
  } else refuseMemory(env, reg, access);
}

/** The register that is loaded gets any value. */
function markLoaded(env: Environment, { type, valueRegno }: Access): void {
  if (type === "read" && valueRegno >= 0) env.markUnknown(valueRegno);
}

/** Who must not see addresses must not store them where others can read them. */
function refuseLeak(env: Environment, { type, valueRegno }: Access, where: string): void {
  if (type === "write" && valueRegno >= 0 && isPointerValue(env, valueRegno)) {
    env.refuse(Errno.EACCES, `R${valueRegno} leaks addr into ${where}`);
  }
}

function refuseReadOnly(env: Environment, reg: Register, { regno }: Access): never {
  return env.refuse(Errno.EACCES, `R${regno} cannot write into ${regTypeStr(reg.type)}`);
}

function refuseMemory(env: Environment, reg: Register, { regno }: Access): never {
  return env.refuse(Errno.EACCES, `R${regno} invalid mem access '${regTypeStr(reg.type)}'`);
}

function accessMapKey(env: Environment, reg: Register, access: Access): void {
  const { regno, off, size } = access;
  if (access.type === "write") {
    env.refuse(Errno.EACCES, `write to change key R${regno} not allowed`);
  }
  checkMemRegionAccess(env, regno, off, size, reg.map!.keySize, false);
  markLoaded(env, access);
}

const POINTER_FIELDS = KPTR_MASK | FieldType.UPTR;

function accessMapValue(env: Environment, reg: Register, access: Access): void {
  const { regno, off, size, type, valueRegno } = access;
  const map = reg.map!;
  refuseLeak(env, access, "map");
  checkMapAccessType(env, regno, off, size, type);
  checkMapAccess(env, regno, off, size, false, "direct");
  const constant = isConstant(reg.bounds);
  const place = constant ? off + reg.bounds.tnum.valueLo : 0;
  const field = constant ? btfRecordFind(map.record, place, POINTER_FIELDS) : null;
  if (field !== null) {
    checkMapKptrAccess(env, valueRegno, access.insnIdx, field);
    return;
  }
  if (type !== "read" || valueRegno < 0) return;
  if (constant && map.constant !== undefined && mapIsRdonly(map)) {
    const value = env.reg(valueRegno);
    const content = mapDirectRead(map, place, size, access.isLdsx);
    value.type = RegType.SCALAR_VALUE;
    value.markKnown(content);
    return;
  }
  env.markUnknown(valueRegno);
}

function accessMemory(env: Environment, reg: Register, access: Access): void {
  const { regno, off, size, type } = access;
  if (mayBeNull(reg.type)) refuseMemory(env, reg, access);
  const readOnly = isReadOnlyMemory(reg.type);
  if (type === "write" && readOnly) refuseReadOnly(env, reg, access);
  refuseLeak(env, access, "mem");
  // What the kernel does not vouch for is read so that a bad address does no harm.
  if (!readOnly || (reg.type & TypeFlag.PTR_UNTRUSTED) === 0) {
    checkMemRegionAccess(env, regno, off, size, reg.memSize, false);
  }
  markLoaded(env, access);
}

function accessPacket(env: Environment, access: Access): void {
  if (access.type === "write" && !mayAccessDirectPktData(env, null, access.type)) {
    env.refuse(Errno.EACCES, "cannot write into packet");
  }
  refuseLeak(env, access, "packet");
  checkPacketAccess(env, access.regno, access.off, access.size, false);
  markLoaded(env, access);
}

function accessContext(env: Environment, reg: Register, access: Access): void {
  const { type, valueRegno } = access;
  refuseLeak(env, access, "ctx");
  checkPtrOffReg(env, reg, access.regno);
  const info = checkCtxAccess(env, access.insnIdx, access.off, access.size, type, access.isLdsx);
  if (type !== "read" || valueRegno < 0) return;
  const value = env.reg(valueRegno);
  if (info.regType === RegType.SCALAR_VALUE) {
    const range = info.isRetval ? getFuncRetvalRange(env) : null;
    // As the kernel has it: the range narrows what the register held before.
    if (range !== null) markRegS32Range(env, value, range.min, range.max);
    else value.markUnknown(env.unknownIsPrecise);
    value.type = RegType.SCALAR_VALUE;
    return;
  }
  value.markKnownZero();
  if (mayBeNull(info.regType)) value.id = ++env.idGen;
  // The load may be wider than the instruction says, and is never of a part.
  value.subregDef = DEF_NOT_SUBREG;
  value.type = info.regType;
  if (baseType(info.regType) === RegType.PTR_TO_BTF_ID) {
    value.btf = info.btf;
    value.btfId = info.btfId;
    value.refObjId = info.refObjId;
  }
}
