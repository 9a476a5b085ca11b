import { Errno } from "../../uapi/index.ts";
import { btfStructIdsMatch } from "../access/struct-match.ts";
import { fieldTypeName } from "../btf-fields/field-type.ts";
import { regBtfRecord } from "../btf-fields/reg-btf-record.ts";
import { findLockState } from "../calls/references.ts";
import type { Environment } from "../environment/environment.ts";
import { type BtfField, FieldType, fieldOfType } from "../environment/record.ts";
import { regFindFieldOffset } from "../objects/graph-node.ts";
import { constantOffset } from "../objects/stack-object.ts";
import { isConstant } from "../ranges/bounds.ts";
import { LOCK_MASK } from "../state/reference.ts";
import { RegType, TypeFlag } from "../state/reg-type.ts";
import type { Register } from "../state/register.ts";
import { typeName } from "../types/walk.ts";
import type { KfuncCall } from "./kfunc-meta.ts";
import { isBpfListApiKfunc, isBpfRbtreeApiKfunc } from "./special.ts";
import { SpecialKfunc as K, type SpecialKfunc } from "./special-kfunc.ts";

type Root = typeof FieldType.LIST_HEAD | typeof FieldType.RB_ROOT;

/** The lock that lies in the same allocation as what the register points to is held (`check_reg_allocation_locked`). */
function isAllocationLocked(env: Environment, reg: Register): boolean {
  if (env.current.activeLocks === 0) return false;
  const object = reg.type === RegType.PTR_TO_MAP_VALUE ? reg.map : reg.btf;
  if (findLockState(env.current, LOCK_MASK, reg.id, object) !== null) return true;
  env.log.write("held lock and object are not in the same allocation\n");
  return false;
}

/** Refuses an offset of which the program knows but a range. */
function checkConstantOffset(env: Environment, regno: number, name: string): void {
  if (isConstant(env.reg(regno).bounds)) return;
  env.refuse(
    Errno.EINVAL,
    `R${regno} doesn't have constant offset. ${name} has to be at the constant offset`,
  );
}

/** Checks an argument that is a list's head or a tree's root (`__process_kf_arg_ptr_to_graph_root`). */
export function processGraphRoot(env: Environment, regno: number, meta: KfuncCall, rootType: Root): void {
  const reg = env.reg(regno);
  const name = fieldTypeName(rootType);
  const known = rootType === FieldType.LIST_HEAD ? isBpfListApiKfunc : isBpfRbtreeApiKfunc;
  if (!known(meta.special)) {
    env.refuse(Errno.EFAULT, `verifier internal error: ${name} head arg for unknown kfunc`);
  }
  checkConstantOffset(env, regno, name);
  const off = constantOffset(reg);
  const field = regFindFieldOffset(env, reg, off, rootType);
  if (field === null) env.refuse(Errno.EINVAL, `${name} not found at offset=${off >>> 0}`);
  if (!isAllocationLocked(env, reg)) {
    const lock = fieldOfType(regBtfRecord(env, reg), FieldType.SPIN_LOCK)?.offset ?? -Errno.EINVAL;
    env.refuse(Errno.EINVAL, `bpf_spin_lock at off=${lock} must be held for ${name}`);
  }
  if (rootOf(meta, rootType) !== null) env.refuse(Errno.EFAULT, `verifier bug: repeating ${name} arg`);
  if (rootType === FieldType.LIST_HEAD) meta.listHead = field;
  else meta.rbtreeRoot = field;
}

function rootOf(meta: KfuncCall, rootType: Root): BtfField | null {
  return rootType === FieldType.LIST_HEAD ? meta.listHead : meta.rbtreeRoot;
}

const LIST_NODE_KFUNCS: ReadonlySet<SpecialKfunc> = new Set<SpecialKfunc>([
  K.bpf_list_push_front_impl,
  K.bpf_list_push_back_impl,
]);
const RB_NODE_KFUNCS: ReadonlySet<SpecialKfunc> = new Set<SpecialKfunc>([
  K.bpf_rbtree_remove,
  K.bpf_rbtree_add_impl,
  K.bpf_rbtree_left,
  K.bpf_rbtree_right,
]);

/** Checks an argument that is a node, against the root that came before it (`__process_kf_arg_ptr_to_graph_node`). */
export function processGraphNode(env: Environment, regno: number, meta: KfuncCall, rootType: Root): void {
  const reg = env.reg(regno);
  const list = rootType === FieldType.LIST_HEAD;
  const nodeType = list ? FieldType.LIST_NODE : FieldType.RB_NODE;
  const name = fieldTypeName(nodeType);
  if (!(list ? LIST_NODE_KFUNCS : RB_NODE_KFUNCS).has(meta.special)) {
    env.refuse(Errno.EFAULT, `verifier internal error: ${name} node arg for unknown kfunc`);
  }
  checkConstantOffset(env, regno, name);
  const off = constantOffset(reg);
  if (regFindFieldOffset(env, reg, off, nodeType) === null) {
    env.refuse(Errno.EINVAL, `${name} not found at offset=${off >>> 0}`);
  }
  const { btf, valueBtfId, nodeOffset } = rootOf(meta, rootType)!.root!;
  const struct = typeName(btf, valueBtfId);
  if (!btfStructIdsMatch(env, reg.btf!, reg.btfId, 0, btf, valueBtfId, true)) {
    env.refuse(
      Errno.EINVAL,
      `operation on ${fieldTypeName(rootType)} expects arg#1 ${name} at offset=${nodeOffset} in struct ${struct}, but arg is at offset=${off} in struct ${typeName(reg.btf!, reg.btfId)}`,
    );
  }
  meta.argBtf = reg.btf;
  meta.argBtfId = reg.btfId;
  if (off !== nodeOffset) {
    env.refuse(
      Errno.EINVAL,
      `arg#1 offset=${off}, but expected ${name} at offset=${nodeOffset} in struct ${struct}`,
    );
  }
}

/** Checks what may be passed as a list's head or a tree's root: it lies in a map's value or in an object of one's own. */
export function checkRootPointer(env: Environment, reg: Register, argno: number): void {
  const allocated = reg.type === (RegType.PTR_TO_BTF_ID | TypeFlag.MEM_ALLOC);
  if (reg.type !== RegType.PTR_TO_MAP_VALUE && !allocated) {
    env.refuse(Errno.EINVAL, `arg#${argno} expected pointer to map value or allocated object`);
  }
  if (allocated && reg.refObjId === 0) env.refuse(Errno.EINVAL, "allocated object must be referenced");
}

/** Checks that an argument is an object that the program allocated and owns. */
export function checkOwnedNode(env: Environment, reg: Register, argno: number): void {
  if (reg.type !== (RegType.PTR_TO_BTF_ID | TypeFlag.MEM_ALLOC)) {
    env.refuse(Errno.EINVAL, `arg#${argno} expected pointer to allocated object`);
  }
  if (reg.refObjId === 0) env.refuse(Errno.EINVAL, "allocated object must be referenced");
}
