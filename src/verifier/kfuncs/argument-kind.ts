import type { Btf } from "../../btf/index.ts";
import { BtfKind } from "../../btf/index.ts";
import { KfuncFlag } from "../../platform/index.ts";
import { Errno } from "../../uapi/index.ts";
import { registerIsNull } from "../access/register-facts.ts";
import { kernelStructOf } from "../access/trust.ts";
import type { Environment } from "../environment/environment.ts";
import { resolvedType } from "../environment/resolved-type.ts";
import { baseType, RegType } from "../state/reg-type.ts";
import { isProgCtxType } from "../types/program-context.ts";
import { isIntOrEnum, isStruct, kindText, skipModifiers, typeName } from "../types/walk.ts";
import type { KfuncCall } from "./kfunc-meta.ts";
import { type KfuncParameter, ParameterMark, SpecialStruct } from "./signature.ts";
import { SpecialKfunc } from "./special-kfunc.ts";

/** What a pointer argument is taken for: `enum kfunc_ptr_arg_type`. */
export const ArgumentKind = {
  CTX: 0,
  ALLOCATED: 1,
  REFCOUNTED: 2,
  DYNPTR: 3,
  ITERATOR: 4,
  LIST_HEAD: 5,
  LIST_NODE: 6,
  /** A kernel struct, of whatever register type. */
  BTF_ID: 7,
  MEMORY: 8,
  /** Its size is the argument that follows. */
  SIZED_MEMORY: 9,
  CALLBACK: 10,
  RB_ROOT: 11,
  RB_NODE: 12,
  NULL: 13,
  CONSTANT_STRING: 14,
  MAP: 15,
  WORKQUEUE: 16,
  IRQ_FLAG: 17,
  RES_SPIN_LOCK: 18,
  TASK_WORK: 19,
} as const;
export type ArgumentKind = (typeof ArgumentKind)[keyof typeof ArgumentKind];

const KIND_OF_STRUCT: { readonly [struct in SpecialStruct]: ArgumentKind | null } = {
  [SpecialStruct.NONE]: null,
  [SpecialStruct.DYNPTR]: ArgumentKind.DYNPTR,
  [SpecialStruct.LIST_HEAD]: ArgumentKind.LIST_HEAD,
  [SpecialStruct.LIST_NODE]: ArgumentKind.LIST_NODE,
  [SpecialStruct.RB_ROOT]: ArgumentKind.RB_ROOT,
  [SpecialStruct.RB_NODE]: ArgumentKind.RB_NODE,
  [SpecialStruct.WORKQUEUE]: ArgumentKind.WORKQUEUE,
  [SpecialStruct.RES_SPIN_LOCK]: ArgumentKind.RES_SPIN_LOCK,
  [SpecialStruct.TASK_WORK]: ArgumentKind.TASK_WORK,
};

const ITERATES = KfuncFlag.ITER_NEW | KfuncFlag.ITER_NEXT | KfuncFlag.ITER_DESTROY;

/** `is_kfunc_arg_iter`: the iterator of the functions that make up one comes first. */
function isIterator(meta: KfuncCall, param: KfuncParameter, argno: number): boolean {
  if (meta.has(ITERATES)) return argno === 0;
  return (param.marks & ParameterMark.ITERATOR) !== 0;
}

/** What argument `argno`, from 0, has to be, by its declared type and by what stands in the register (`get_kfunc_ptr_arg_type`). */
export function getKfuncPtrArgType(env: Environment, meta: KfuncCall, argno: number): ArgumentKind {
  if (meta.special === SpecialKfunc.bpf_cast_to_kern_ctx) return ArgumentKind.CTX;
  const { params } = meta.signature;
  const param = params[argno]!;
  const { marks, struct } = param;
  const reg = env.reg(argno + 1);
  if (isContext(env, meta, argno)) return ArgumentKind.CTX;
  if ((marks & ParameterMark.NULLABLE) !== 0 && registerIsNull(reg)) return ArgumentKind.NULL;
  if ((marks & ParameterMark.ALLOCATED) !== 0) return ArgumentKind.ALLOCATED;
  if ((marks & ParameterMark.REFCOUNTED) !== 0) return ArgumentKind.REFCOUNTED;
  if (struct === SpecialStruct.DYNPTR) return ArgumentKind.DYNPTR;
  if (isIterator(meta, param, argno)) return ArgumentKind.ITERATOR;
  if (struct >= SpecialStruct.LIST_HEAD && struct <= SpecialStruct.RB_NODE) return KIND_OF_STRUCT[struct]!;
  if ((marks & ParameterMark.CONSTANT_STRING) !== 0) return ArgumentKind.CONSTANT_STRING;
  if ((marks & ParameterMark.MAP) !== 0) return ArgumentKind.MAP;
  if (struct === SpecialStruct.WORKQUEUE || struct === SpecialStruct.TASK_WORK)
    return KIND_OF_STRUCT[struct]!;
  if ((marks & ParameterMark.IRQ_FLAG) !== 0) return ArgumentKind.IRQ_FLAG;
  if (struct === SpecialStruct.RES_SPIN_LOCK) return ArgumentKind.RES_SPIN_LOCK;

  const { btf } = meta;
  const { target } = param;
  const base = baseType(reg.type);
  if (base === RegType.PTR_TO_BTF_ID || kernelStructOf(base) !== null) {
    if (isStruct(btf, target)) return ArgumentKind.BTF_ID;
    env.refuse(
      Errno.EINVAL,
      `kernel function ${meta.name} args#${argno} pointer type ${typeText(btf, target)} is not supported`,
    );
  }
  if (param.callback) return ArgumentKind.CALLBACK;

  const next = params[argno + 1];
  const sized =
    next?.scalar &&
    env.reg(argno + 2).type === RegType.SCALAR_VALUE &&
    (next.marks & (ParameterMark.SIZE | ParameterMark.CONSTANT_SIZE)) !== 0;
  // Anything the program can lend may be passed, where the callee finds but numbers in it.
  const plain = isIntOrEnum(btf, target) || isScalarStruct(env, btf, target, 0) || (sized && target === 0);
  if (!plain) {
    env.refuse(
      Errno.EINVAL,
      `arg#${argno} pointer type ${typeText(btf, target)} must point to ${sized ? "void, " : ""}scalar, or struct with scalar`,
    );
  }
  return sized ? ArgumentKind.SIZED_MEMORY : ArgumentKind.MEMORY;
}

/** Whether parameter `argno` is the program's context, by its type. */
function isContext(env: Environment, meta: KfuncCall, argno: number): boolean {
  const { kfunc } = meta;
  kfunc.contexts ??= kfunc.signature.params.map(
    (param, i) =>
      param.pointer &&
      isProgCtxType(param.type, {
        log: env.log,
        kernel: env.request.kernel.btf,
        btf: kfunc.btf,
        argument: i,
        programType: resolvedType(env).type,
      }),
  );
  return kfunc.contexts[argno]!;
}

/** Kind and name of a type, as messages have them: `"STRUCT task_struct"`. */
export function typeText(btf: Btf, id: number): string {
  return `${kindText(btf, id)} ${typeName(btf, id)}`;
}

/** `MAX` of `__btf_type_is_scalar_struct`: structs may be nested this deep. */
const MAX_NESTING = 3;

/** The struct has nothing but numbers in it (`__btf_type_is_scalar_struct`). */
export function isScalarStruct(env: Environment, btf: Btf, type: number, depth: number): boolean {
  if (!isStruct(btf, type)) return false;
  for (let i = 0, vlen = btf.vlen(type); i < vlen; i++) {
    let member = skipModifiers(btf, btf.memberType(type, i));
    if (isStruct(btf, member)) {
      if (depth >= MAX_NESTING) {
        env.log.write("max struct nesting depth exceeded\n");
        return false;
      }
      if (!isScalarStruct(env, btf, member, depth + 1)) return false;
      continue;
    }
    if (btf.kind(member) === BtfKind.ARRAY) {
      if (btf.elementCount(member) === 0) return false;
      member = skipModifiers(btf, btf.elementType(member));
    }
    if (!isIntOrEnum(btf, member)) return false;
  }
  return true;
}
