import { type Btf, BtfKind } from "../../btf/index.ts";
import { RAW_TRACEPOINT_NULL_ARGUMENTS, UNTRUSTED_LSM_HOOKS } from "../../platform/index.ts";
import { BpfAttachType as A, BpfProgType as P } from "../../uapi/index.ts";
import type { Attachment } from "../environment/attachment.ts";
import type { Environment } from "../environment/environment.ts";
import { baseType, type RegisterType, RegType, TypeFlag } from "../state/reg-type.ts";
import { contextTypes, isProgCtxType } from "./program-context.ts";
import {
  isIntOrEnum,
  isModifier,
  isPointer,
  isSmallInt,
  isStruct,
  kindText,
  skipModifiers,
  typeName,
} from "./walk.ts";

const MAX_ARGUMENTS = 5;

/** What a word of a tracing program's context holds. */
export interface ContextArgument {
  readonly regType: RegisterType;
  readonly btf: Btf | null;
  readonly btfId: number;
  readonly refObjId: number;
  /** It is the value that the function gave back. */
  readonly isRetval: boolean;
}

const SCALAR: ContextArgument = {
  regType: RegType.SCALAR_VALUE,
  btf: null,
  btfId: 0,
  refObjId: 0,
  isRetval: false,
};

/**
 * What a load of `size` bytes at `off` of the context gives, for programs whose context holds the arguments of a
 * function (`btf_ctx_access`). Null where it is refused; the log says why.
 */
export function btfCtxAccess(env: Environment, off: number, size: number): ContextArgument | null {
  const { attach, log } = env;
  if (attach === null) return null;
  return new ContextWords(env, attach).at(off, size, (message) => {
    log.write(`${message}\n`);
    return null;
  });
}

class ContextWords {
  readonly #env: Environment;
  readonly #attach: Attachment;
  readonly #params: readonly { readonly name: string; readonly type: number }[];

  constructor(env: Environment, attach: Attachment) {
    this.#env = env;
    this.#attach = attach;
    const type = attach.btf === null || attach.prototype === 0 ? null : attach.btf.type(attach.prototype);
    this.#params = type?.kind === "FUNC_PROTO" ? type.params : [];
  }

  at(off: number, size: number, refuse: (message: string) => null): ContextArgument | null {
    const { btf, prototype, functionName, btfTrace } = this.#attach;
    const { expectedAttachType } = this.#env.request;
    if (off % 8 !== 0) return refuse(`func '${functionName}' offset ${off} is not multiple of 8`);
    if (btf === null || prototype === 0) return this.#unknownFunction(off, refuse);
    const arg = this.#argumentAt(btf, off);
    // A raw tracepoint's functions get the tracepoint's own data in front, which programs do not see.
    const params = btfTrace ? this.#params.slice(1) : this.#params;
    if (arg > params.length) {
      return refuse(`func '${functionName}' doesn't have ${arg + 1}-th argument`);
    }
    let isRetval = false;
    let declared: number;
    if (arg < params.length) declared = params[arg]!.type;
    else {
      declared = btf.ref(prototype);
      switch (expectedAttachType) {
        case A.LSM_MAC:
          isRetval = true;
          break;
        case A.LSM_CGROUP:
        case A.TRACE_FEXIT:
          break;
        case A.MODIFY_RETURN: {
          const result = skipModifiers(btf, declared);
          if (!isSmallInt(btf, result)) {
            return refuse(`ret type ${kindText(btf, result)} not allowed for fmod_ret`);
          }
          break;
        }
        default:
          return refuse(`func '${functionName}' doesn't have ${arg + 1}-th argument`);
      }
    }
    const type = skipModifiers(btf, declared);
    if (
      isSmallInt(btf, type) ||
      (isIntOrEnum(btf, type) && btf.kind(type) !== BtfKind.INT) ||
      isStruct(btf, type)
    ) {
      return isRetval ? { ...SCALAR, isRetval } : SCALAR;
    }
    if (!isPointer(btf, type)) {
      return refuse(
        `func '${functionName}' arg${arg} '${typeName(btf, type)}' has type ${kindText(btf, type)}. Only pointer access is allowed`,
      );
    }
    if (size !== 8 && this.#env.release !== "6.1")
      return refuse(`func '${functionName}' size ${size} must be 8`);
    return this.#pointer({ type, arg, off, name: params[arg]?.name ?? "" }, btf, refuse);
  }

  /** Functions whose types are not to be relied on have five words. */
  #unknownFunction(off: number, refuse: (message: string) => null): ContextArgument | null {
    const { functionName } = this.#attach;
    const { expectedAttachType } = this.#env.request;
    const arg = off / 8;
    if (arg < MAX_ARGUMENTS) return SCALAR;
    const hasResult =
      expectedAttachType === A.LSM_MAC ||
      expectedAttachType === A.LSM_CGROUP ||
      expectedAttachType === A.TRACE_FEXIT;
    if (arg === MAX_ARGUMENTS && hasResult) {
      return { ...SCALAR, isRetval: expectedAttachType === A.LSM_MAC };
    }
    if (arg === MAX_ARGUMENTS && expectedAttachType === A.MODIFY_RETURN) return null;
    return refuse(`func '${functionName}' doesn't have ${arg + 1}-th argument`);
  }

  /** Number of the argument that begins at, or contains, an offset (`btf_ctx_arg_idx`). */
  #argumentAt(btf: Btf, off: number): number {
    let end = 0;
    for (let i = 0; i < this.#params.length; i++) {
      end += wordsOf(btf, this.#params[i]!.type);
      if (off < end) return i;
    }
    end += wordsOf(btf, btf.ref(this.#attach.prototype));
    return off < end ? this.#params.length : this.#params.length + 1;
  }

  #pointer(
    which: { readonly type: number; readonly arg: number; readonly off: number; readonly name: string },
    btf: Btf,
    refuse: (message: string) => null,
  ): ContextArgument | null {
    const { type, arg, off, name } = which;
    const { arguments: information, functionName, program } = this.#attach;
    const known = information.find((argument) => argument.offset === off);
    if (
      known !== undefined &&
      baseType(known.regType) === RegType.PTR_TO_BUF &&
      (known.regType & TypeFlag.PTR_MAYBE_NULL) !== 0
    ) {
      return { ...SCALAR, regType: known.regType };
    }
    const target = skipModifiers(btf, btf.ref(type));
    // A pointer that leads nowhere is as good as a number.
    if (target === 0 || btf.kind(target) === BtfKind.INT) return SCALAR;
    if (known !== undefined) {
      if (known.btfId === 0) return refuse(`invalid btf_id for context argument offset ${off}`);
      return {
        regType: known.regType,
        btf: known.btf ?? this.#env.request.kernel.btf,
        btfId: known.btfId,
        refObjId: this.#env.argumentReferences.get(off) ?? 0,
        isRetval: false,
      };
    }
    let regType: RegisterType = RegType.PTR_TO_BTF_ID;
    if (this.#trusted) regType |= TypeFlag.PTR_TRUSTED;
    if (name.endsWith("__nullable") && this.#env.release !== "6.1") regType |= TypeFlag.PTR_MAYBE_NULL;
    const raw = this.#rawTracepointFlags(btf, arg);
    if (raw.mayBeNull) regType |= TypeFlag.PTR_MAYBE_NULL;
    if (program !== null) return this.#translated(program.type.type, { type, arg, regType }, btf);
    const first = btf.ref(type);
    const firstType = btf.type(first);
    if (firstType.kind === "TYPE_TAG" && !btf.kflag(first)) {
      if (firstType.name === "user") regType |= TypeFlag.MEM_USER;
      if (firstType.name === "percpu") regType |= TypeFlag.MEM_PERCPU;
    }
    if (!isStruct(btf, target)) {
      return refuse(`func '${functionName}' arg${arg} type ${kindText(btf, target)} is not a struct`);
    }
    const { log } = this.#env;
    log.write(
      `func '${functionName}' arg${arg} has btf_id ${target} type ${kindText(btf, target)} '${typeName(btf, target)}'\n`,
    );
    if (raw.mayBeError) {
      log.write(`marking pointer arg${arg} as scalar as it may encode error`);
      return SCALAR;
    }
    return { regType, btf, btfId: target, refObjId: 0, isRetval: false };
  }

  /** Arguments of these programs are known to be alive (`prog_args_trusted`). */
  get #trusted(): boolean {
    const { type, expectedAttachType } = this.#env.request;
    // Trust came with 6.2.
    if (this.#env.release === "6.1") return false;
    switch (type.type) {
      case P.TRACING:
        return expectedAttachType === A.TRACE_RAW_TP || expectedAttachType === A.TRACE_ITER;
      case P.LSM:
        return !UNTRUSTED_LSM_HOOKS.has(this.#attach.functionName);
      case P.STRUCT_OPS:
        return true;
      default:
        return false;
    }
  }

  /** Arguments of raw tracepoints that their callers give as null or as an error (`raw_tp_null_args`). */
  #rawTracepointFlags(btf: Btf, arg: number): { mayBeNull: boolean; mayBeError: boolean } {
    if (this.#env.request.expectedAttachType !== A.TRACE_RAW_TP || this.#env.release === "6.1") {
      return { mayBeNull: false, mayBeError: false };
    }
    const mask = RAW_TRACEPOINT_NULL_ARGUMENTS.get(this.#attach.functionName);
    // Tracepoints of modules are not in the list: any argument may be null.
    if (mask === undefined) return { mayBeNull: btf.base !== null, mayBeError: false };
    const bits = Number((mask >> BigInt(4 * arg)) & 3n);
    return { mayBeNull: (bits & 1) !== 0, mayBeError: (bits & 2) !== 0 };
  }

  /** The context of a program that is traced: the kernel's type of it (`btf_translate_to_vmlinux`). */
  #translated(
    targetType: number,
    which: { readonly type: number; readonly arg: number; readonly regType: RegisterType },
    btf: Btf,
  ): ContextArgument | null {
    const { log, request } = this.#env;
    const kernel = request.kernel.btf;
    const question = { log, kernel, btf, argument: which.arg, programType: targetType };
    if (kernel === null || !isProgCtxType(which.type, question)) return null;
    const context = contextTypes(kernel, targetType);
    if (context === null) return null;
    return { regType: which.regType, btf: kernel, btfId: context.kernel, refObjId: 0, isRetval: false };
  }
}

/** Bytes of the context that a value takes: whole words. */
function wordsOf(btf: Btf, declared: number): number {
  const type = skipModifiers(btf, declared);
  if (isPointer(btf, type)) return 8;
  return type === 0 || isModifier(btf, type) ? 0 : Math.ceil(btf.size(type) / 8) * 8;
}
