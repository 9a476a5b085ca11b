import { BtfKind } from "../../btf/index.ts";
import { KfuncFlag } from "../../platform/index.ts";
import { BpfAttachType, BpfProgType, Errno } from "../../uapi/index.ts";
import { checkKfuncMemSizeReg, checkMemReg } from "../access/helper-memory.ts";
import { registerIsNull } from "../access/register-facts.ts";
import { inSleepable, isRcuReg, isTrustedReg } from "../access/trust.ts";
import { regBtfRecord } from "../btf-fields/reg-btf-record.ts";
import { checkFuncArgRegOff } from "../calls/argument-offset.ts";
import { ArgType } from "../calls/argument-type.ts";
import { checkRegConstStr } from "../calls/constant-string.ts";
import { processMapField } from "../calls/map-field.ts";
import { inRbtreeLockRequiredCb } from "../calls/rbtree-callback.ts";
import { processSpinLock } from "../calls/spin-lock.ts";
import type { Environment } from "../environment/environment.ts";
import { FieldType, hasField } from "../environment/record.ts";
import { Rejection } from "../environment/rejection.ts";
import { resolvedType } from "../environment/resolved-type.ts";
import { regTypeStr } from "../log/reg-type-text.ts";
import { processIterArg } from "../objects/iterator-argument.ts";
import { isAllocatedObject, isNonOwningReference, mayBeNull, RegType, TypeFlag } from "../state/reg-type.ts";
import type { Register } from "../state/register.ts";
import { contextTypes } from "../types/program-context.ts";
import { isStruct, kindText } from "../types/walk.ts";
import { ArgumentKind, getKfuncPtrArgType, typeText } from "./argument-kind.ts";
import { checkDynptrArgument } from "./dynptr-argument.ts";
import { checkOwnedNode, checkRootPointer, processGraphNode, processGraphRoot } from "./graph-argument.ts";
import { processIrqFlag } from "./irq-argument.ts";
import type { KfuncCall } from "./kfunc-meta.ts";
import { checkMapArgument } from "./map-argument.ts";
import { checkScalarArgument, noteConstant } from "./scalar-argument.ts";
import { ParameterMark } from "./signature.ts";
import { isBpfResSpinLockKfunc } from "./special.ts";
import { SpecialKfunc } from "./special-kfunc.ts";
import { checkStructArgument } from "./struct-argument.ts";

/** `MAX_BPF_FUNC_REG_ARGS` */
const MAX_ARGUMENTS = 5;
const ALLOCATED = RegType.PTR_TO_BTF_ID | TypeFlag.MEM_ALLOC;

/** Checks the arguments of a call of a kernel function against its types (`check_kfunc_args`). */
export function checkKfuncArgs(env: Environment, meta: KfuncCall, insnIdx: number): void {
  const { params } = meta.signature;
  if (params.length > MAX_ARGUMENTS) {
    env.refuse(Errno.EINVAL, `Function ${meta.name} has ${params.length} > ${MAX_ARGUMENTS} args`);
  }
  for (let argno = 0; argno < params.length; argno++) {
    const param = params[argno]!;
    const regno = argno + 1;
    if ((param.marks & ParameterMark.IGNORED) !== 0) continue;
    if ((param.marks & ParameterMark.PROGRAM) !== 0) {
      if (meta.argProg) {
        env.refuse(Errno.EFAULT, "verifier bug: Only 1 prog->aux argument supported per-kfunc");
      }
      meta.argProg = true;
      env.currentAux.argProg = regno;
      continue;
    }
    if (param.scalar) {
      checkScalarArgument(env, regno, param, meta);
      continue;
    }
    if (!param.pointer) {
      env.refuse(Errno.EINVAL, `Unrecognized arg#${argno} type ${kindText(meta.btf, param.type)}`);
    }
    const kind = checkPointerArgument(env, meta, argno, insnIdx);
    // The memory's size was checked with it.
    if (kind === ArgumentKind.SIZED_MEMORY) argno++;
  }
  if (meta.releases && meta.releaseRegno === 0) {
    env.refuse(Errno.EINVAL, `release kernel function ${meta.name} expects refcounted PTR_TO_BTF_ID`);
  }
}

function checkPointerArgument(
  env: Environment,
  meta: KfuncCall,
  argno: number,
  insnIdx: number,
): ArgumentKind {
  const regno = argno + 1;
  const reg = env.reg(regno);
  const { marks } = meta.signature.params[argno]!;
  // Linux 6.18.y takes KF_TRUSTED_ARGS as given for all functions.
  const maybeNull = registerIsNull(reg) || mayBeNull(reg.type);
  if (maybeNull && (marks & (ParameterMark.NULLABLE | ParameterMark.OPTIONAL)) === 0) {
    env.refuse(Errno.EACCES, `Possibly NULL pointer passed to trusted arg${argno}`);
  }
  if (reg.refObjId !== 0) {
    if (meta.releases && meta.refObjId !== 0) {
      env.refuse(
        Errno.EFAULT,
        `verifier bug: more than one arg with ref_obj_id R${regno} ${reg.refObjId} ${meta.refObjId}`,
      );
    }
    meta.refObjId = reg.refObjId;
    if (meta.releases) meta.releaseRegno = regno;
  }
  const kind = getKfuncPtrArgType(env, meta, argno);
  if (kind === ArgumentKind.NULL) return kind;
  if (kind === ArgumentKind.MAP) checkMapArgument(env, reg, regno, meta);
  const isObject =
    kind === ArgumentKind.MAP || kind === ArgumentKind.ALLOCATED || kind === ArgumentKind.BTF_ID;
  if (env.release === "6.1") {
    if (isObject && meta.has(KfuncFlag.TRUSTED_ARGS) && reg.refObjId === 0) {
      env.refuse(Errno.EINVAL, `R${regno} must be referenced`);
    }
  } else if (isObject && !isTrustedReg(reg)) {
    if (!meta.has(KfuncFlag.RCU)) {
      env.refuse(Errno.EINVAL, `R${regno} must be referenced or trusted`);
    }
    if (!isRcuReg(reg)) env.refuse(Errno.EINVAL, `R${regno} must be a rcu pointer`);
  }
  const argType = meta.releases && reg.refObjId !== 0 ? TypeFlag.OBJ_RELEASE : ArgType.ARG_DONTCARE;
  checkFuncArgRegOff(env, reg, regno, argType);
  checkByKind(env, meta, argno, kind, insnIdx);
  return kind;
}

/** What is left to check once it is clear what the argument is. */
function checkByKind(
  env: Environment,
  meta: KfuncCall,
  argno: number,
  kind: ArgumentKind,
  insnIdx: number,
): void {
  const regno = argno + 1;
  const reg = env.reg(regno);
  const param = meta.signature.params[argno]!;
  switch (kind) {
    case ArgumentKind.CTX:
      checkContext(env, reg, argno, meta);
      break;
    case ArgumentKind.ALLOCATED:
      checkAllocated(env, reg, argno, meta);
      break;
    case ArgumentKind.DYNPTR:
      checkDynptrArgument(env, regno, insnIdx, param, meta);
      break;
    case ArgumentKind.ITERATOR:
      if (meta.special === SpecialKfunc.bpf_iter_css_task_new && !mayIterateCssTasks(env)) {
        env.refuse(Errno.EINVAL, "css_task_iter is only allowed in bpf_lsm, bpf_iter and sleepable progs");
      }
      processIterArg(env, regno, insnIdx, meta);
      break;
    case ArgumentKind.LIST_HEAD:
      checkRootPointer(env, reg, argno);
      processGraphRoot(env, regno, meta, FieldType.LIST_HEAD);
      break;
    case ArgumentKind.RB_ROOT:
      checkRootPointer(env, reg, argno);
      processGraphRoot(env, regno, meta, FieldType.RB_ROOT);
      break;
    case ArgumentKind.LIST_NODE:
      checkOwnedNode(env, reg, argno);
      processGraphNode(env, regno, meta, FieldType.LIST_HEAD);
      break;
    case ArgumentKind.RB_NODE:
      if (meta.special === SpecialKfunc.bpf_rbtree_add_impl) checkOwnedNode(env, reg, argno);
      else checkTreeNode(env, reg, meta);
      processGraphNode(env, regno, meta, FieldType.RB_ROOT);
      break;
    case ArgumentKind.MAP: {
      const vmlinux = env.request.kernel.btf!;
      checkStructArgument(env, meta, argno, vmlinux, vmlinux.findByName("bpf_map", BtfKind.STRUCT));
      break;
    }
    case ArgumentKind.BTF_ID:
      checkStructArgument(env, meta, argno, meta.btf, param.target);
      break;
    case ArgumentKind.MEMORY:
      checkMemory(env, reg, argno, meta);
      break;
    case ArgumentKind.SIZED_MEMORY:
      checkSizedMemory(env, argno, meta);
      break;
    case ArgumentKind.CALLBACK:
      if (reg.type !== RegType.PTR_TO_FUNC) {
        env.refuse(Errno.EINVAL, `arg${argno} expected pointer to func`);
      }
      meta.subprogno = reg.subprogno;
      break;
    case ArgumentKind.REFCOUNTED:
      checkRefcounted(env, reg, argno, meta);
      break;
    case ArgumentKind.CONSTANT_STRING:
      if (reg.type !== RegType.PTR_TO_MAP_VALUE) {
        env.refuse(Errno.EINVAL, `arg#${argno} doesn't point to a const string`);
      }
      checkRegConstStr(env, reg, regno);
      break;
    case ArgumentKind.WORKQUEUE:
      checkMapField(env, reg, argno, meta, FieldType.WORKQUEUE);
      break;
    case ArgumentKind.TASK_WORK:
      checkMapField(env, reg, argno, meta, FieldType.TASK_WORK);
      break;
    case ArgumentKind.IRQ_FLAG:
      if (reg.type !== RegType.PTR_TO_STACK) {
        env.refuse(Errno.EINVAL, `arg#${argno} doesn't point to an irq flag on stack`);
      }
      processIrqFlag(env, regno, meta);
      break;
    case ArgumentKind.RES_SPIN_LOCK:
      checkResSpinLock(env, reg, argno, meta);
      break;
  }
}

function checkContext(env: Environment, reg: Register, argno: number, meta: KfuncCall): void {
  if (reg.type !== RegType.PTR_TO_CTX) {
    env.refuse(Errno.EINVAL, `arg#${argno} expected pointer to ctx, but got ${regTypeStr(reg.type)}`);
  }
  if (meta.special !== SpecialKfunc.bpf_cast_to_kern_ctx) return;
  // get_kern_ctx_btf_id
  const vmlinux = env.request.kernel.btf!;
  const id = contextTypes(vmlinux, resolvedType(env).type)?.kernel ?? 0;
  if (!isStruct(vmlinux, id)) env.refuse(Errno.EINVAL, `kern ctx type id ${id} is not a struct`);
  meta.retBtfId = id;
}

/** An object of the program's that is given back. */
function checkAllocated(env: Environment, reg: Register, argno: number, meta: KfuncCall): void {
  if (reg.type === ALLOCATED) {
    if (meta.special !== SpecialKfunc.bpf_obj_drop_impl) {
      env.refuse(Errno.EINVAL, `arg#${argno} expected for bpf_obj_drop_impl()`);
    }
  } else if (reg.type === (ALLOCATED | TypeFlag.MEM_PERCPU)) {
    if (meta.special !== SpecialKfunc.bpf_percpu_obj_drop_impl) {
      env.refuse(Errno.EINVAL, `arg#${argno} expected for bpf_percpu_obj_drop_impl()`);
    }
  } else {
    env.refuse(Errno.EINVAL, `arg#${argno} expected pointer to allocated object`);
  }
  if (reg.refObjId === 0) env.refuse(Errno.EINVAL, "allocated object must be referenced");
  if (meta.btf === env.request.kernel.btf) {
    meta.argBtf = reg.btf;
    meta.argBtfId = reg.btfId;
  }
}

/** A node that is in a tree, to go on from or to take out. */
function checkTreeNode(env: Environment, reg: Register, meta: KfuncCall): void {
  if (!isNonOwningReference(reg.type) && reg.refObjId === 0) {
    env.refuse(Errno.EINVAL, `${meta.name} can only take non-owning or refcounted bpf_rb_node pointer`);
  }
  if (inRbtreeLockRequiredCb(env)) env.refuse(Errno.EINVAL, `${meta.name} not allowed in rbtree cb`);
}

/** Locks of other programs may be held while css_set_lock is taken (`check_css_task_iter_allowlist`). */
function mayIterateCssTasks(env: Environment): boolean {
  const { type } = resolvedType(env);
  if (type === BpfProgType.LSM) return true;
  const iterates =
    type === BpfProgType.TRACING && env.request.expectedAttachType === BpfAttachType.TRACE_ITER;
  return iterates || inSleepable(env);
}

function checkMemory(env: Environment, reg: Register, argno: number, meta: KfuncCall): void {
  const { target } = meta.signature.params[argno]!;
  const size = meta.btf.sizeOf(target);
  if (size < 0) {
    const kind = typeText(meta.btf, target);
    env.refuse(
      Errno.EINVAL,
      `arg#${argno} reference type('${kind}') size cannot be determined: ${-Errno.EINVAL}`,
    );
  }
  checkMemReg(env, reg, argno + 1, size);
}

function checkSizedMemory(env: Environment, argno: number, meta: KfuncCall): void {
  const { params } = meta.signature;
  const regno = argno + 1;
  const optional = (params[argno]!.marks & ParameterMark.OPTIONAL) !== 0;
  if (!optional || !registerIsNull(env.reg(regno))) {
    try {
      checkKfuncMemSizeReg(env, env.reg(regno + 1), regno + 1);
    } catch (error) {
      if (error instanceof Rejection) {
        env.log.write(`arg#${argno} arg#${argno + 1} memory, len pair leads to invalid memory access\n`);
      }
      throw error;
    }
  }
  if ((params[argno + 1]!.marks & ParameterMark.CONSTANT_SIZE) !== 0) noteConstant(env, regno + 1, meta);
}

/** An object with a count of its owners, of which the caller needs not be one. */
function checkRefcounted(env: Environment, reg: Register, argno: number, meta: KfuncCall): void {
  if (!isAllocatedObject(reg.type)) {
    env.refuse(Errno.EINVAL, `arg#${argno} is neither owning or non-owning ref`);
  }
  if (!isNonOwningReference(reg.type)) meta.argOwningRef = true;
  const record = regBtfRecord(env, reg);
  if (record === null) env.refuse(Errno.EFAULT, "verifier bug: Couldn't find btf_record");
  if (!hasField(record, FieldType.REFCOUNT)) {
    env.refuse(Errno.EINVAL, `arg#${argno} doesn't point to a type with bpf_refcount field`);
  }
  meta.argBtf = reg.btf;
  meta.argBtfId = reg.btfId;
}

function checkMapField(env: Environment, reg: Register, argno: number, meta: KfuncCall, type: number): void {
  if (reg.type !== RegType.PTR_TO_MAP_VALUE) {
    env.refuse(Errno.EINVAL, `arg#${argno} doesn't point to a map value`);
  }
  const { map, uid } = processMapField(env, argno + 1, type, meta.map !== null);
  meta.map = map;
  meta.mapUid = uid;
}

function checkResSpinLock(env: Environment, reg: Register, argno: number, meta: KfuncCall): void {
  if (reg.type !== RegType.PTR_TO_MAP_VALUE && reg.type !== ALLOCATED) {
    env.refuse(Errno.EINVAL, `arg#${argno} doesn't point to map value or allocated object`);
  }
  const { special } = meta;
  if (!isBpfResSpinLockKfunc(special)) throw new Rejection(Errno.EFAULT, "");
  const irq =
    special === SpecialKfunc.bpf_res_spin_lock_irqsave ||
    special === SpecialKfunc.bpf_res_spin_unlock_irqrestore;
  const lock =
    special === SpecialKfunc.bpf_res_spin_lock || special === SpecialKfunc.bpf_res_spin_lock_irqsave;
  processSpinLock(env, argno + 1, { lock, resilient: true, irq });
}
