import type { Btf } from "../../btf/index.ts";
import { Errno } from "../../uapi/index.ts";
import type { Environment } from "../environment/environment.ts";
import { isIntOrEnum, isPointer, isStruct, kindText, skipModifiers } from "./walk.ts";

/** `MAX_BPF_FUNC_ARGS` */
const MAX_ARGUMENTS = 12;
/** A struct that is passed by value takes at most two registers. */
const MAX_ARGUMENT_SIZE = 16;

/**
 * A trampoline can pass on the function's arguments and result (`btf_distill_func_proto`). `prototype` 0: the types
 * are not to be relied on, five words are passed on.
 */
export function checkFuncModel(env: Environment, btf: Btf, prototype: number, name: string): void {
  if (prototype === 0) return;
  const type = btf.type(prototype);
  if (type.kind !== "FUNC_PROTO") return;
  const refuse = (message: string): never => env.refuse(Errno.EINVAL, message);
  if (type.params.length > MAX_ARGUMENTS) {
    refuse(`The function ${name} has ${type.params.length} arguments. Too many.`);
  }
  const result = skipModifiers(btf, type.returns);
  if (sizeOfValue(btf, result) < 0 || isStruct(btf, result)) {
    refuse(`The function ${name} return type ${kindText(btf, result)} is unsupported.`);
  }
  type.params.forEach((param, i) => {
    if (i === type.params.length - 1 && param.type === 0) {
      refuse(`The function ${name} with variable args is unsupported.`);
    }
    const argument = skipModifiers(btf, param.type);
    const size = sizeOfValue(btf, argument);
    if (size < 0 || size > MAX_ARGUMENT_SIZE) {
      refuse(`The function ${name} arg${i} type ${kindText(btf, argument)} is unsupported.`);
    }
    if (size === 0) refuse(`The function ${name} has malformed void argument.`);
  });
}

/** `__get_type_size`: -1 for what is no value. */
function sizeOfValue(btf: Btf, id: number): number {
  if (id === 0) return 0;
  if (isPointer(btf, id)) return 8;
  return isIntOrEnum(btf, id) || isStruct(btf, id) ? btf.size(id) : -1;
}
