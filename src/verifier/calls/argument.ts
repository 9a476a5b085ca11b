import { Errno, BpfFuncId as F, BpfMapType as M } from "../../uapi/index.ts";
import { checkPtrAlignment } from "../access/alignment.ts";
import { checkHelperMemAccess, checkMemSizeReg } from "../access/helper-memory.ts";
import { mayAccessDirectPktData } from "../access/packet-access.ts";
import { registerIsNull } from "../access/register-facts.ts";
import type { Environment } from "../environment/environment.ts";
import type { HelperSignature } from "../environment/helper-signature.ts";
import { FieldType } from "../environment/record.ts";
import { Rejection } from "../environment/rejection.ts";
import { markChainPrecision } from "../explore/precision.ts";
import { dynptrGetSpi } from "../objects/dynptr.ts";
import { processDynptrFunc } from "../objects/dynptr-argument.ts";
import { frameOf } from "../objects/stack-object.ts";
import { isConstant } from "../ranges/bounds.ts";
import { checkRegArg } from "../registers/check-reg-arg.ts";
import { isPointerValue } from "../state/pointer-value.ts";
import { baseType, isPacketPointer, mayBeNull, RegType, TypeFlag } from "../state/reg-type.ts";
import type { Register } from "../state/register.ts";
import { checkFuncArgRegOff } from "./argument-offset.ts";
import { ArgType, type ArgumentTypeBits, isDynptrArgument, isReleaseArgument } from "./argument-type.ts";
import type { CallMeta } from "./call-meta.ts";
import { getConstantMapKey } from "./constant-key.ts";
import { checkRegConstStr } from "./constant-string.ts";
import { canElideValueNullness } from "./helper-kinds.ts";
import { processKptrFunc, processMapField } from "./map-field.ts";
import { inRbtreeLockRequiredCb } from "./rbtree-callback.ts";
import { checkRegType } from "./register-type.ts";
import { processSpinLock } from "./spin-lock.ts";

/** Checks argument number `arg`, from 0, of a helper's call (`check_func_arg`). */
export function checkFuncArg(
  env: Environment,
  arg: number,
  meta: CallMeta,
  signature: HelperSignature,
  insnIdx: number,
): void {
  const declared = signature.args[arg];
  if (declared === undefined) return;
  const regno = arg + 1;
  const reg = env.reg(regno);
  checkRegArg(env, regno, "src");
  if (declared.type === ArgType.ARG_ANYTHING) {
    if (isPointerValue(env, regno)) {
      env.refuse(Errno.EACCES, `R${regno} leaks addr into helper function`);
    }
    return;
  }
  if (isPacketPointer(reg.type) && !mayAccessDirectPktData(env, meta, "read")) {
    env.refuse(Errno.EACCES, "helper access to the packet is not allowed");
  }
  const argType = resolveMapArgType(env, meta, declared.type);
  if (!(registerIsNull(reg) && mayBeNull(argType))) {
    checkRegType(env, regno, argType, declared.btfId, meta);
    checkFuncArgRegOff(env, reg, regno, argType);
  }
  if (isReleaseArgument(argType)) checkReleased(env, reg, regno, argType, meta);
  if (reg.refObjId !== 0 && baseType(argType) !== ArgType.ARG_KPTR_XCHG_DEST) {
    if (meta.refObjId !== 0) {
      const text = `more than one arg with ref_obj_id R${regno} ${reg.refObjId} ${meta.refObjId}`;
      // The kernel does not end this line.
      env.log.write(text);
      throw new Rejection(Errno.EACCES, text);
    }
    meta.refObjId = reg.refObjId;
  }
  checkByType(env, arg, argType, meta, signature, insnIdx);
}

/** Of a map's value the map's type tells what it is (`resolve_map_arg_type`). */
function resolveMapArgType(env: Environment, meta: CallMeta, argType: ArgumentTypeBits): ArgumentTypeBits {
  if (baseType(argType) !== ArgType.ARG_PTR_TO_MAP_VALUE) return argType;
  if (meta.map === null) {
    env.refuse(Errno.EFAULT, "verifier bug: invalid map_ptr to access map->type");
  }
  switch (meta.map.type) {
    case M.SOCKMAP:
    case M.SOCKHASH:
      if (argType === ArgType.ARG_PTR_TO_MAP_VALUE) return ArgType.ARG_PTR_TO_BTF_ID_SOCK_COMMON;
      return env.refuse(Errno.EINVAL, "invalid arg_type for sockmap/sockhash");
    case M.BLOOM_FILTER:
      return meta.funcId === F.map_peek_elem ? ArgType.ARG_PTR_TO_MAP_VALUE : argType;
    default:
      return argType;
  }
}

function checkReleased(
  env: Environment,
  reg: Register,
  regno: number,
  argType: ArgumentTypeBits,
  meta: CallMeta,
): void {
  if (isDynptrArgument(argType)) {
    if (reg.type !== RegType.PTR_TO_STACK) {
      env.refuse(Errno.EINVAL, "cannot release unowned const bpf_dynptr");
    }
    const spi = dynptrGetSpi(env, reg);
    if (spi < 0 || frameOf(env, reg).stack[spi]!.spilled.refObjId === 0) {
      env.refuse(Errno.EINVAL, `arg ${regno} is an unacquired reference`);
    }
  } else if (reg.refObjId === 0 && !registerIsNull(reg)) {
    env.refuse(Errno.EINVAL, `R${regno} must be referenced when passed to release function`);
  }
  if (meta.releaseRegno !== 0) env.refuse(Errno.EFAULT, "verifier bug: more than one release argument");
  meta.releaseRegno = regno;
}

function checkByType(
  env: Environment,
  arg: number,
  argType: ArgumentTypeBits,
  meta: CallMeta,
  signature: HelperSignature,
  insnIdx: number,
): void {
  const regno = arg + 1;
  const reg = env.reg(regno);
  switch (baseType(argType)) {
    case ArgType.ARG_CONST_MAP_PTR:
      rememberMap(env, reg, meta);
      return;
    case ArgType.ARG_PTR_TO_MAP_KEY:
      checkKey(env, reg, regno, meta);
      return;
    case ArgType.ARG_PTR_TO_MAP_VALUE: {
      if (mayBeNull(argType) && registerIsNull(reg)) return;
      meta.rawMode = (argType & TypeFlag.MEM_UNINIT) !== 0;
      checkHelperMemAccess(env, regno, meta.map!.valueSize, accessOf(env, argType), false, meta);
      return;
    }
    case ArgType.ARG_PTR_TO_PERCPU_BTF_ID:
      if (reg.btfId === 0) env.refuse(Errno.EACCES, `Helper has invalid btf_id in R${regno}`);
      meta.retBtf = reg.btf;
      meta.retBtfId = reg.btfId;
      return;
    case ArgType.ARG_PTR_TO_SPIN_LOCK:
      if (inRbtreeLockRequiredCb(env)) {
        env.refuse(Errno.EACCES, "can't spin_{lock,unlock} in rbtree cb");
      }
      ofField(env, () =>
        processSpinLock(env, regno, {
          lock: meta.funcId === F.spin_lock,
          resilient: false,
          irq: false,
        }),
      );
      return;
    case ArgType.ARG_PTR_TO_TIMER:
      ofField(env, () => {
        const { map, uid } = processMapField(env, regno, FieldType.TIMER, meta.map !== null);
        meta.map = map;
        meta.mapUid = uid;
      });
      return;
    case ArgType.ARG_PTR_TO_FUNC:
      meta.subprogno = reg.subprogno;
      return;
    case ArgType.ARG_PTR_TO_MEM: {
      // Memory with a size argument is checked with that.
      meta.rawMode = (argType & TypeFlag.MEM_UNINIT) !== 0;
      if ((argType & TypeFlag.MEM_FIXED_SIZE) === 0) return;
      const { size } = signature.args[arg]!;
      checkHelperMemAccess(env, regno, size, accessOf(env, argType), false, meta);
      if ((argType & TypeFlag.MEM_ALIGNED) !== 0) checkPtrAlignment(env, reg, 0, size, true);
      return;
    }
    case ArgType.ARG_CONST_SIZE:
    case ArgType.ARG_CONST_SIZE_OR_ZERO: {
      const zeroAllowed = baseType(argType) === ArgType.ARG_CONST_SIZE_OR_ZERO;
      const access = accessOf(env, signature.args[arg - 1]!.type, isConstant(reg.bounds));
      checkMemSizeReg(env, reg, regno, access, zeroAllowed, meta);
      return;
    }
    case ArgType.ARG_PTR_TO_DYNPTR:
      processDynptrFunc(env, regno, insnIdx, argType, 0);
      return;
    case ArgType.ARG_CONST_ALLOC_SIZE_OR_ZERO:
      if (!isConstant(reg.bounds)) env.refuse(Errno.EACCES, `R${regno} is not a known constant'`);
      meta.memSize = Number(BigInt.asUintN(32, reg.bounds.value));
      markChainPrecision(env, regno);
      return;
    case ArgType.ARG_PTR_TO_CONST_STR:
      checkRegConstStr(env, reg, regno);
      return;
    case ArgType.ARG_KPTR_XCHG_DEST:
      ofField(env, () => processKptrFunc(env, regno, meta));
      return;
    default:
      return;
  }
}

/** An argument that is a special field of a value: whatever is wrong with it was EACCES in 6.1. */
function ofField(env: Environment, check: () => void): void {
  try {
    check();
  } catch (error) {
    if (error instanceof Rejection && env.release === "6.1") throw new Rejection(Errno.EACCES, error.message);
    throw error;
  }
}

/**
 * What the helper does with the memory. Linux 6.1 took it for a write only where the memory need not be initialised, and its
 * size is known.
 */
function accessOf({ release }: Environment, argType: ArgumentTypeBits, knownSize = true): "read" | "write" {
  if (release === "6.1") return (argType & TypeFlag.MEM_UNINIT) !== 0 && knownSize ? "write" : "read";
  return (argType & TypeFlag.MEM_WRITE) !== 0 ? "write" : "read";
}

function rememberMap(env: Environment, reg: Register, meta: CallMeta): void {
  // A timer came before its map: inner maps that different lookups gave are different maps.
  if (meta.map !== null && (meta.map !== reg.map || meta.mapUid !== reg.mapUid)) {
    env.refuse(
      Errno.EINVAL,
      `timer pointer in R1 map_uid=${meta.mapUid} doesn't match map pointer in R2 map_uid=${reg.mapUid}`,
    );
  }
  meta.map = reg.map;
  meta.mapUid = reg.mapUid;
}

function checkKey(env: Environment, reg: Register, regno: number, meta: CallMeta): void {
  const { map } = meta;
  if (map === null) env.refuse(Errno.EFAULT, "verifier bug: invalid map_ptr to access map->key");
  checkHelperMemAccess(env, regno, map.keySize, "read", false, null);
  if (canElideValueNullness(map, env.release)) meta.constMapKey = getConstantMapKey(env, reg, map.keySize);
}
