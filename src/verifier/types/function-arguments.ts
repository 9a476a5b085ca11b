import { type Btf, BtfKind, essentialName } from "../../btf/index.ts";
import { BpfProgType, Errno } from "../../uapi/index.ts";
import { ArgType } from "../calls/argument-type.ts";
import type { Environment } from "../environment/environment.ts";
import { Rejection } from "../environment/rejection.ts";
import type { SubprogramArgument } from "../environment/subprogram.ts";
import { TypeFlag } from "../state/reg-type.ts";
import { declTags } from "./decl-tags.ts";
import { isProgCtxType, validatesProgCtxType } from "./program-context.ts";
import { isIntOrEnum, isPointer, isStruct, kindText, skipModifiers, typeName } from "./walk.ts";

const MAX_ARGUMENTS = 5;

/** What `__arg_…` tags say of an argument, a bit set. */
const Tag = { ctx: 1, nonnull: 2, trusted: 4, nullable: 8, arena: 16, untrusted: 32 } as const;

function isTag(tag: string): tag is keyof typeof Tag {
  return Object.hasOwn(Tag, tag);
}

/**
 * What a function takes, by its types (`btf_prepare_func_args`); kept with the subprogram.
 *
 * @throws Rejection where the types are none that the verifier can go by; for a static function that is no reason to
 *   refuse the program.
 */
export function btfPrepareFuncArgs(env: Environment, subprogno: number): readonly SubprogramArgument[] {
  const subprogram = env.subprograms[subprogno]!;
  if (subprogram.args !== null) return subprogram.args;
  const { debug } = env;
  const { typeId, global } = subprogram;
  if (debug === null || typeId === 0) {
    if (!global) throw new Rejection(Errno.EINVAL, "");
    return env.refuse(Errno.EFAULT, "Global functions need valid BTF");
  }
  const args = new FunctionArguments(env, debug.btf, typeId, global).read();
  subprogram.args = args;
  return args;
}

class FunctionArguments {
  readonly #env: Environment;
  readonly #btf: Btf;
  readonly #func: number;
  readonly #global: boolean;
  readonly #name: string;
  readonly #programType: number;

  constructor(env: Environment, btf: Btf, func: number, global: boolean) {
    this.#env = env;
    this.#btf = btf;
    this.#func = func;
    this.#global = global;
    this.#name = btf.name(func);
    const { type, attach } = env.request;
    this.#programType = type.type === BpfProgType.EXT ? (attach?.program?.type.type ?? type.type) : type.type;
  }

  read(): readonly SubprogramArgument[] {
    const btf = this.#btf;
    const prototype = btf.ref(this.#func);
    const type = btf.type(prototype);
    if (type.kind !== "FUNC_PROTO") {
      return this.#env.refuse(Errno.EFAULT, `Invalid type of function ${this.#name}()`);
    }
    const count = type.params.length;
    if (count > MAX_ARGUMENTS) {
      this.#refuseGlobal(
        `Global function ${this.#name}() with ${count} > ${MAX_ARGUMENTS} args. Buggy compiler.`,
      );
    }
    if (!isIntOrEnum(btf, skipModifiers(btf, btf.ref(prototype)))) {
      this.#refuseGlobal(`Global function ${this.#name}() doesn't return scalar. Only those are supported.`);
    }
    return type.params.map((param, i) => this.#argument(param.type, i));
  }

  /** Says why, if the function is global: of a static one nothing is expected. */
  #refuseGlobal(message: string): never {
    if (!this.#global) throw new Rejection(Errno.EINVAL, "");
    return this.#env.refuse(Errno.EINVAL, message);
  }

  #tags(i: number): number {
    let tags = 0;
    for (const text of declTags(this.#btf, this.#func, i)) {
      // Tags of arguments came with 6.8: before they were any others.
      if (!text.startsWith("arg:") || this.#env.release === "6.1") continue;
      if (!this.#global) {
        this.#env.refuse(Errno.EOPNOTSUPP, `arg#${i} type tag is not supported in static functions`);
      }
      const tag = text.slice("arg:".length);
      if (!isTag(tag)) this.#env.refuse(Errno.EOPNOTSUPP, `arg#${i} has unsupported set of tags`);
      else tags |= Tag[tag];
    }
    return tags;
  }

  #argument(declared: number, i: number): SubprogramArgument {
    const btf = this.#btf;
    const tags = this.#tags(i);
    const type = skipModifiers(btf, declared);
    if (isPointer(btf, type)) {
      const argument = this.#pointer(type, i, tags);
      if (argument !== null) return argument;
    }
    if (tags !== 0) {
      this.#env.refuse(Errno.EINVAL, `arg#${i} has pointer tag, but is not a pointer type`);
    }
    if (isIntOrEnum(btf, type)) return argumentOf(ArgType.ARG_ANYTHING);
    return this.#refuseGlobal(
      `Arg#${i} type ${kindText(btf, type)} in ${this.#name}() is not supported yet.`,
    );
  }

  /** Null: a pointer that says nothing, in a static function. */
  #pointer(type: number, i: number, tags: number): SubprogramArgument | null {
    const { log, request } = this.#env;
    const btf = this.#btf;
    const question = {
      log,
      kernel: request.kernel.btf,
      btf,
      argument: i,
      programType: this.#programType,
    };
    if ((tags & Tag.ctx) !== 0 || isProgCtxType(type, question)) {
      if ((tags & ~Tag.ctx) !== 0) this.#badTags(i);
      const attachType = request.expectedAttachType;
      if ((tags & Tag.ctx) !== 0 && !validatesProgCtxType(type, { ...question, attachType })) {
        throw new Rejection(Errno.EINVAL, "");
      }
      return argumentOf(ArgType.ARG_PTR_TO_CTX);
    }
    const target = skipModifiers(btf, btf.ref(type));
    if (isDynptr(btf, target)) {
      if (tags !== 0) this.#badTags(i);
      return argumentOf(ArgType.ARG_PTR_TO_DYNPTR | TypeFlag.MEM_RDONLY);
    }
    if ((tags & Tag.trusted) !== 0) {
      if ((tags & Tag.nonnull) !== 0) this.#badTags(i);
      const nullable = (tags & Tag.nullable) !== 0 ? TypeFlag.PTR_MAYBE_NULL : 0;
      return argumentOf(ArgType.ARG_PTR_TO_BTF_ID | TypeFlag.PTR_TRUSTED | nullable, {
        btfId: this.#kernelType(target, i),
      });
    }
    if ((tags & Tag.untrusted) !== 0) return this.#untrusted(target, i, tags);
    if ((tags & Tag.arena) !== 0) {
      if ((tags & ~Tag.arena) !== 0) {
        this.#env.refuse(Errno.EINVAL, `arg#${i} arena cannot be combined with any other tags`);
      }
      return argumentOf(ArgType.ARG_PTR_TO_ARENA);
    }
    return this.#global ? this.#memory(target, i, tags) : null;
  }

  #badTags(i: number): never {
    return this.#env.refuse(Errno.EINVAL, `arg#${i} has invalid combination of tags`);
  }

  #untrusted(target: number, i: number, tags: number): SubprogramArgument {
    if ((tags & ~Tag.untrusted) !== 0) {
      this.#env.refuse(Errno.EINVAL, `arg#${i} untrusted cannot be combined with any other tags`);
    }
    if (target === 0 || isPrimitive(this.#btf, target)) {
      return argumentOf(ArgType.ARG_PTR_TO_MEM | TypeFlag.MEM_RDONLY | TypeFlag.PTR_UNTRUSTED);
    }
    const btfId = this.#kernelType(target, i);
    const kernel = this.#env.request.kernel.btf!;
    if (!isStruct(kernel, btfId)) {
      this.#env.refuse(
        Errno.EINVAL,
        `arg#${i} has type ${kindText(kernel, btfId)} '', but only struct or primitive types are allowed`,
      );
    }
    return argumentOf(ArgType.ARG_PTR_TO_BTF_ID | TypeFlag.PTR_UNTRUSTED, { btfId });
  }

  #memory(target: number, i: number, tags: number): SubprogramArgument {
    const btf = this.#btf;
    if ((tags & Tag.nullable) !== 0) this.#badTags(i);
    const memSize = target === 0 ? -1 : btf.sizeOf(target);
    if (memSize < 0) {
      this.#env.refuse(
        Errno.EINVAL,
        `arg#${i} reference type('${kindText(btf, target)} ${typeName(btf, target)}') size cannot be determined: ${-Errno.EINVAL}`,
      );
    }
    const nullable = (tags & Tag.nonnull) !== 0 ? 0 : TypeFlag.PTR_MAYBE_NULL;
    return argumentOf(ArgType.ARG_PTR_TO_MEM | nullable, { memSize });
  }

  /** The kernel's type of the same name and kind (`btf_get_ptr_to_btf_id`). */
  #kernelType(target: number, i: number): number {
    const btf = this.#btf;
    const kernel = this.#env.request.kernel.btf;
    const what = `arg#${i} reference type('${kindText(btf, target)} ${typeName(btf, target)}')`;
    const name = essentialName(typeName(btf, target));
    if (name === "" || kernel === null) {
      return this.#env.refuse(Errno.EINVAL, `${what} candidate matching error: ${-Errno.EINVAL}`);
    }
    const matches = kernel.findAllByName(name).filter((id) => kernel.kind(id) === btf.kind(target));
    if (matches.length === 0) this.#env.refuse(Errno.ENOENT, `${what} has no matches`);
    if (matches.length > 1) this.#env.refuse(Errno.ESRCH, `${what} is ambiguous`);
    return matches[0]!;
  }
}

function argumentOf(
  type: number,
  more: { readonly memSize?: number; readonly btfId?: number } = {},
): SubprogramArgument {
  return { type, memSize: more.memSize ?? 0, btfId: more.btfId ?? 0 };
}

/** `btf_type_is_primitive`: integers, enums and floats of a size that a register can have. */
function isPrimitive(btf: Btf, id: number): boolean {
  return (
    (btf.kind(id) === BtfKind.INT && btf.size(id) <= 8) ||
    (isIntOrEnum(btf, id) && btf.kind(id) !== BtfKind.INT)
  );
}

/** `btf_is_dynptr_ptr`, of what the pointer points to. */
function isDynptr(btf: Btf, target: number): boolean {
  const forward = btf.kind(target) === BtfKind.FWD && !btf.kflag(target);
  return (isStruct(btf, target) || forward) && btf.name(target) === "bpf_dynptr";
}
