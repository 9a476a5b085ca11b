import { type Btf, BtfKind } from "../../btf/index.ts";
import { structOpsMember } from "../../platform/index.ts";
import { Errno } from "../../uapi/index.ts";
import type { Attachment, ContextArgumentInfo } from "../environment/attachment.ts";
import type { Environment } from "../environment/environment.ts";
import { Rejection } from "../environment/rejection.ts";
import { RegType, TypeFlag } from "../state/reg-type.ts";
import { isPointer, isStruct, skipModifiers, typeName } from "./walk.ts";

/** What the struct of a map of type struct_ops is called: this and the name of the operations. */
const VALUE_PREFIX = "bpf_struct_ops_";
const TRUSTED_POINTER = RegType.PTR_TO_BTF_ID | TypeFlag.PTR_TRUSTED;

/** The operation that a program implements (`check_struct_ops_btf_id`). */
export function checkStructOps(env: Environment): Attachment {
  const { attach, kernel, gplCompatible, expectedAttachType, type } = env.request;
  if (!gplCompatible) {
    env.refuse(Errno.EINVAL, "struct ops programs must have a GPL compatible license");
  }
  const btf = attach?.btf ?? kernel.btf;
  const btfId = attach?.btfId ?? 0;
  if (btfId === 0 || btf === null) throw new Rejection(Errno.ENOTSUPP, "");
  const name = btf.has(btfId) && btf.kind(btfId) === BtfKind.STRUCT ? typeName(btf, btfId) : "";
  if (name === "" || btf.findByName(VALUE_PREFIX + name, BtfKind.STRUCT) === 0) {
    env.refuse(Errno.ENOTSUPP, `attach_btf_id ${btfId} is not a supported struct`);
  }
  if (expectedAttachType >= btf.vlen(btfId)) {
    env.refuse(Errno.EINVAL, `attach to invalid member idx ${expectedAttachType} of struct ${name}`);
  }
  const member = btf.memberName(btfId, expectedAttachType);
  const pointer = skipModifiers(btf, btf.memberType(btfId, expectedAttachType));
  const prototype = isPointer(btf, pointer) ? skipModifiers(btf, btf.ref(pointer)) : 0;
  if (btf.kind(prototype) !== BtfKind.FUNC_PROTO) {
    env.refuse(
      Errno.EINVAL,
      `attach to invalid member ${member}(@idx ${expectedAttachType}) of struct ${name}`,
    );
  }
  const verdict = structOpsMember(name, member, env.sleepable, env.release);
  if (verdict !== "supported") {
    const errno = verdict === "not-supported" ? Errno.ENOTSUPP : Errno.EINVAL;
    env.refuse(errno, `attach to unsupported member ${member} of struct ${name}`);
  }
  const stub = stubOf(btf, name, member);
  const information = stub === 0 ? [] : argumentsOf(btf, prototype, btf.ref(stub));
  if (information.some((argument) => argument.refcounted)) {
    if (env.subprograms.some((subprogram) => subprogram.hasTailCall)) {
      env.refuse(Errno.EINVAL, "program with __ref argument cannot tail call");
    }
  }
  return {
    btf,
    btfId,
    functionName: member,
    prototype,
    program: null,
    resolvedType: type,
    expectedAttachType,
    btfTrace: false,
    address: 0n,
    arguments: information,
  };
}

/** The function that stands in for an operation where no program implements it: its parameters' names say more. */
function stubOf(btf: Btf, struct: string, member: string): number {
  return btf.findByName(`${struct}__${member}`, BtfKind.FUNC);
}

/** Parameters that may be null, or come with a reference (`prepare_arg_info`). */
function argumentsOf(btf: Btf, prototype: number, stubPrototype: number): ContextArgumentInfo[] {
  const own = btf.type(prototype);
  const stub = btf.type(stubPrototype);
  if (own.kind !== "FUNC_PROTO" || stub.kind !== "FUNC_PROTO") return [];
  if (own.params.length !== stub.params.length) return [];
  const found: ContextArgumentInfo[] = [];
  let offset = 0;
  own.params.forEach((param, i) => {
    const { name } = stub.params[i]!;
    const nullable = name.endsWith("__nullable");
    const refcounted = name.endsWith("__ref");
    const type = skipModifiers(btf, param.type);
    const btfId = isPointer(btf, type) ? skipModifiers(btf, btf.ref(type)) : 0;
    if ((nullable || refcounted) && isStruct(btf, btfId)) {
      const regType = nullable ? TRUSTED_POINTER | TypeFlag.PTR_MAYBE_NULL : TRUSTED_POINTER;
      found.push({ offset, regType, btf, btfId, refcounted: !nullable });
    }
    offset += Math.ceil(btf.sizeOf(param.type) / 8) * 8;
  });
  return found;
}
