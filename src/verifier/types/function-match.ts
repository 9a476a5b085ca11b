import { type Btf, BtfKind } from "../../btf/index.ts";
import { Errno } from "../../uapi/index.ts";
import type { Environment } from "../environment/environment.ts";
import { Rejection } from "../environment/rejection.ts";
import { isIntOrEnum, isPointer, isStruct, kindText, skipModifiers, typeName } from "./walk.ts";

/** A function and the types that describe it. */
interface Described {
  readonly btf: Btf;
  readonly func: number;
}

/** An extension's entry function is of the type of the function that it replaces (`btf_check_type_match`). */
export function checkTypeMatch(env: Environment, targetBtf: Btf, targetFunc: number): void {
  const { debug } = env;
  if (debug === null || debug.functions.length === 0) {
    env.refuse(Errno.EINVAL, "Program extension requires BTF");
  } else {
    const own = { btf: debug.btf, func: debug.functions[0]!.typeId };
    const problem = mismatch(own, { btf: targetBtf, func: targetFunc });
    if (problem !== null) env.refuse(Errno.EINVAL, problem);
  }
}

/** What distinguishes two functions, in the kernel's words; null: nothing (`btf_check_func_type_match`). */
function mismatch(one: Described, other: Described): string | null {
  const [name1, name2] = [one.btf.name(one.func), other.btf.name(other.func)];
  if (!isGlobal(one)) return `${name1}() is not a global function`;
  if (!isGlobal(other)) return `${name2}() is not a global function`;
  const [proto1, proto2] = [prototypeOf(one), prototypeOf(other)];
  const [count1, count2] = [proto1.params.length, proto2.params.length];
  if (count1 !== count2) return `${name1}() has ${count1} args while ${name2}() has ${count2} args`;
  const [result1, result2] = [
    skipModifiers(one.btf, proto1.returns),
    skipModifiers(other.btf, proto2.returns),
  ];
  if (one.btf.word(result1, 1) !== other.btf.word(result2, 1)) {
    return `Return type ${kindText(one.btf, result1)} of ${name1}() doesn't match type ${kindText(other.btf, result2)} of ${name2}()`;
  }
  for (let i = 0; i < count1; i++) {
    const problem = argumentMismatch(
      { ...one, name: name1, type: proto1.params[i]!.type },
      { ...other, name: name2, type: proto2.params[i]!.type },
      i,
    );
    if (problem !== null) return problem;
  }
  return null;
}

interface Argument extends Described {
  readonly name: string;
  readonly type: number;
}

function argumentMismatch(one: Argument, other: Argument, i: number): string | null {
  const type1 = skipModifiers(one.btf, one.type);
  const type2 = skipModifiers(other.btf, other.type);
  if (one.btf.word(type1, 1) !== other.btf.word(type2, 1)) {
    return `arg${i} in ${one.name}() is ${kindText(one.btf, type1)} while ${other.name}() has ${kindText(other.btf, type2)}`;
  }
  if (hasSize(one.btf, type1) && one.btf.size(type1) !== other.btf.size(type2)) {
    return `arg${i} in ${one.name}() has size ${one.btf.size(type1)} while ${other.name}() has ${other.btf.size(type2)}`;
  }
  if (isIntOrEnum(one.btf, type1)) return null;
  if (!isPointer(one.btf, type1)) return `arg${i} in ${one.name}() has unrecognized type`;
  const struct1 = skipModifiers(one.btf, one.btf.ref(type1));
  const struct2 = skipModifiers(other.btf, other.btf.ref(type2));
  if (!isStruct(one.btf, struct1)) return `arg${i} in ${one.name}() is not a pointer to context`;
  if (!isStruct(other.btf, struct2)) return `arg${i} in ${other.name}() is not a pointer to context`;
  const [text1, text2] = [typeName(one.btf, struct1), typeName(other.btf, struct2)];
  return text1 === text2
    ? null
    : `arg${i} ${one.name}(struct ${text1} *) doesn't match ${other.name}(struct ${text2} *)`;
}

function isGlobal({ btf, func }: Described): boolean {
  const type = btf.type(func);
  return type.kind === "FUNC" && type.linkage === "global";
}

function prototypeOf({ btf, func }: Described) {
  const type = btf.type(btf.ref(func));
  if (type.kind !== "FUNC_PROTO") throw new Rejection(Errno.EFAULT, "");
  return type;
}

const SIZED: ReadonlySet<number> = new Set([
  BtfKind.INT,
  BtfKind.STRUCT,
  BtfKind.UNION,
  BtfKind.ENUM,
  BtfKind.ENUM64,
  BtfKind.DATASEC,
  BtfKind.FLOAT,
]);

function hasSize(btf: Btf, id: number): boolean {
  return SIZED.has(btf.kind(id));
}
