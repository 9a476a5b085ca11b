import { BtfKind } from "../../btf/index.ts";
import { type HelperPrototype, isAllowed, type ProgramTraits, prototypeOf } from "../../platform/index.ts";
import { BpfProgType } from "../../uapi/index.ts";
import type { Environment } from "../environment/environment.ts";
import type { HelperSignature } from "../environment/helper-signature.ts";
import { resolvedAttachType } from "../environment/resolved-type.ts";
import { argumentTypeBits, flagBits, RetType } from "./argument-type.ts";

/** The helper as this program gets it; null where it may not call it (`get_func_proto`). */
export function helperSignature(env: Environment, funcId: number): HelperSignature | null {
  const known = env.helperSignatures.get(funcId);
  if (known !== undefined) return known;
  const traits = programTraits(env);
  const prototype = prototypeOf(funcId, traits);
  const signature = prototype === null ? null : signatureOf(env, prototype, isAllowed(prototype, traits));
  env.helperSignatures.set(funcId, signature);
  return signature;
}

/** What the tables of the platform ask of a program. */
export function programTraits(env: Environment): ProgramTraits {
  const { request, attach } = env;
  const extended = attach !== null && attach.resolvedType !== request.type;
  return {
    programType: request.type.type,
    expectedAttachType: resolvedAttachType(env),
    sleepable: env.sleepable,
    ...(extended && { extendedType: attach.resolvedType.type }),
    attachTarget: attachTarget(env),
    capabilities: env.capabilities,
    lockdown: request.kernel.lockdown ?? "none",
    kernel: request.kernel.release,
    ...(request.kernel.missingOptions !== undefined && { missingOptions: request.kernel.missingOptions }),
  };
}

function attachTarget(env: Environment): string | null {
  const { attach } = env;
  if (attach === null) return null;
  const { btf, btfId, functionName } = attach;
  if (env.request.type.type !== BpfProgType.STRUCT_OPS || btf === null) return functionName;
  return `${btf.name(btfId)}.${functionName}`;
}

function signatureOf(env: Environment, prototype: HelperPrototype, allowed: boolean): HelperSignature {
  const { args, returns } = prototype;
  return {
    prototype,
    args: args.map((arg) => ({
      type: argumentTypeBits(arg),
      size: arg.size,
      btfId: structId(env, arg.btf),
    })),
    returns: RetType[returns.type] | flagBits(returns.flags),
    returnBtfId: structId(env, returns.btf),
    allowed,
  };
}

function structId(env: Environment, name: string | null): number {
  return name === null ? 0 : (env.request.kernel.btf?.findByName(name, BtfKind.STRUCT) ?? 0);
}
