import { type Btf, BtfKind } from "../../btf/index.ts";
import {
  type AllowedAccess,
  type ContextAccess,
  ContextMap,
  checkArgumentAccess,
  checkFlatAccess,
  checkStructAccess,
  type FieldYield,
  type StructContext,
} from "../../platform/index.ts";
import { Errno, BpfProgType as P } from "../../uapi/index.ts";
import type { Environment } from "../environment/environment.ts";
import { Rejection } from "../environment/rejection.ts";
import { resolvedAttachType, resolvedType } from "../environment/resolved-type.ts";
import { verboseLinfo } from "../log/insn-text.ts";
import { baseType, hasUnsafeModifiers, type RegisterType, RegType, TypeFlag } from "../state/reg-type.ts";
import { btfCtxAccess } from "../types/context-argument.ts";
import { typeName } from "../types/walk.ts";
import type { AccessType } from "./access-type.ts";

/** What an access to the context gives: `struct bpf_insn_access_aux`. */
export interface ContextInfo {
  readonly regType: RegisterType;
  /** Size that a narrower load of the field is widened to; 0: it is loaded as it is. */
  readonly ctxFieldSize: number;
  /** The value is what the traced function returned. */
  readonly isRetval: boolean;
  readonly btf: Btf | null;
  readonly btfId: number;
  readonly refObjId: number;
  /** The kernel accepts the access, and fails to rewrite it. */
  readonly gap: boolean;
}

const SCALAR: ContextInfo = {
  regType: RegType.SCALAR_VALUE,
  ctxFieldSize: 0,
  isRetval: false,
  btf: null,
  btfId: 0,
  refObjId: 0,
  gap: false,
};

/** Whether accesses to the context are rewritten for the program's type (`convert_ctx_access` of its operations). */
export function hasContextConversion(env: Environment): boolean {
  const { context } = resolvedType(env);
  if (context.kind !== "struct") return false;
  for (const field of context.fields.values()) if (field.rewrite.kind !== "none") return true;
  return false;
}

/** The fields of a struct as programs see it, in the kernel that the program is for. */
export function contextMap(env: Environment, context: StructContext): ContextMap {
  let map = env.contextMaps.get(context);
  if (map === undefined) {
    map = new ContextMap(context, env.request.kernel.layout);
    env.contextMaps.set(context, map);
  }
  return map;
}

/** What a load of a field gives that holds a pointer. */
function yielded(env: Environment, { type, flags, btf }: FieldYield): ContextInfo {
  let regType: RegisterType = RegType[type];
  for (const flag of flags) regType |= TypeFlag[flag];
  if (btf === null) return { ...SCALAR, regType };
  const vmlinux = env.request.kernel.btf;
  return { ...SCALAR, regType, btf: vmlinux, btfId: vmlinux?.findByName(btf, BtfKind.STRUCT) ?? 0 };
}

/** Sockets of a congestion control are TCP's (`bpf_tcp_ca_is_valid_access`). */
function promoted(env: Environment, info: ContextInfo): ContextInfo {
  const { attach } = env;
  if (!attach?.btf || typeName(attach.btf, attach.btfId) !== "tcp_congestion_ops") return info;
  if (baseType(info.regType) !== RegType.PTR_TO_BTF_ID || hasUnsafeModifiers(info.regType)) return info;
  if (info.btf === null || info.btfId !== info.btf.findByName("sock", BtfKind.STRUCT)) return info;
  return { ...info, btfId: info.btf.findByName("tcp_sock", BtfKind.STRUCT) };
}

/** The arguments of a function, by their types. */
function argumentAccess(env: Environment, off: number, size: number): ContextInfo | null {
  const found = btfCtxAccess(env, off, size);
  if (found === null) return null;
  const info = { ...SCALAR, ...found };
  return resolvedType(env).type === P.STRUCT_OPS ? promoted(env, info) : info;
}

function allowedAccess(env: Environment, access: ContextAccess): AllowedAccess | null {
  const { context } = resolvedType(env);
  switch (context.kind) {
    case "struct":
      return checkStructAccess(contextMap(env, context), access);
    case "flat":
      return checkFlatAccess(context, env.request.kernel.layout, access);
    case "arguments":
      return checkArgumentAccess(access);
    default:
      return null;
  }
}

/** What the program's type says of an access (`is_valid_access` of its operations); null: it refuses it. */
function validAccess(
  env: Environment,
  off: number,
  size: number,
  type: AccessType,
  signed: boolean,
): ContextInfo | null {
  // Hooks are asked nothing but what BTF says (`bpf_lsm` operations): not even whether it is a read.
  if (resolvedType(env).type === P.LSM) return argumentAccess(env, off, size);
  const allowed = allowedAccess(env, {
    offset: off,
    size,
    write: type === "write",
    signed,
    expectedAttachType: resolvedAttachType(env),
    bpfCapable: env.bpfCapable,
  });
  if (allowed === null) return null;
  if (allowed.byArgument === true) return argumentAccess(env, off, size);
  if (allowed.yields !== null) return yielded(env, allowed.yields);
  if (allowed.gap === true) return { ...SCALAR, gap: true };
  return allowed.fieldSize === 0 ? SCALAR : { ...SCALAR, ctxFieldSize: allowed.fieldSize };
}

/** An access to the context, which has no variable offset (`check_ctx_access`). @throws Rejection where it is refused */
export function checkCtxAccess(
  env: Environment,
  insnIdx: number,
  off: number,
  size: number,
  type: AccessType,
  signed: boolean,
): ContextInfo {
  const info = validAccess(env, off, size, type, signed);
  if (info === null) return refuse(env, insnIdx, `invalid bpf_context access off=${off} size=${size}`);
  const aux = env.aux[insnIdx]!;
  if (baseType(info.regType) !== RegType.PTR_TO_BTF_ID) aux.ctxFieldSize = info.ctxFieldSize;
  else if (info.refObjId !== 0 && !env.current.refs.some((ref) => ref.id === info.refObjId)) {
    refuse(env, insnIdx, `invalid bpf_context access off=${off}. Reference may already be released`);
  }
  if (info.gap) aux.ctxGap = true;
  if (off + size > env.maxCtxOffset) env.maxCtxOffset = off + size;
  return info;
}

function refuse(env: Environment, insnIdx: number, message: string): never {
  env.log.write(`${message}\n`);
  verboseLinfo(env, insnIdx, "; ");
  throw new Rejection(Errno.EACCES, message);
}
