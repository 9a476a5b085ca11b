import { type Btf, BtfKind } from "../../btf/index.ts";
import type { Environment } from "../environment/environment.ts";
import { TypeFlag } from "../state/reg-type.ts";
import { isModifier, isPointer, isStruct, skipModifiers, typeName } from "../types/walk.ts";

/** What lies at an offset of a struct: `enum bpf_struct_walk_result`. */
export const StructWalk = {
  SCALAR: 0,
  /** A pointer to a struct: `WalkResult.btfId` */
  POINTER: 1,
  /** A pointer to something else. */
  UNTRUSTED_POINTER: 2,
  /** The start of a struct in it: `WalkResult.btfId` */
  STRUCT: 3,
  /** Nothing that could be accessed like this; the log says why. */
  NO_ACCESS: 4,
  /** No such field; the log says so. */
  NO_FIELD: 5,
  /** A field without a size; the log says so. */
  NO_SIZE: 6,
} as const;
export type StructWalk = (typeof StructWalk)[keyof typeof StructWalk];

/** What a walk found, apart from its answer. */
export class WalkResult {
  btfId = 0;
  /** Of the pointer that was found: {@link TypeFlag}s. Kept from walk to walk. */
  flags = 0;
  /** Name of the pointer that was found. */
  fieldName = "";
}

/** `MAX_RESOLVE_DEPTH` of the kernel. */
const MAX_RESOLVE_DEPTH = 32;

/** A member's type, arrays of any dimension taken apart: `__btf_resolve_size`. */
interface MemberSize {
  /** Whole member, in bytes. */
  readonly size: number;
  readonly array: boolean;
  readonly elements: number;
  /** The type behind modifiers and arrays. */
  readonly type: number;
  /** Of an array: its elements' type, modifiers included. Else `type`, as the last modifier names it. */
  readonly id: number;
}

function memberSize(btf: Btf, member: number): MemberSize | null {
  let type = member;
  let id = member;
  let elements = 1;
  let array = false;
  for (let depth = 0; depth < MAX_RESOLVE_DEPTH; depth++) {
    switch (btf.kind(type)) {
      case BtfKind.INT:
      case BtfKind.STRUCT:
      case BtfKind.UNION:
      case BtfKind.ENUM:
      case BtfKind.FLOAT:
      case BtfKind.ENUM64:
        return { size: elements * btf.size(type), array, elements, type, id };
      case BtfKind.PTR:
        return { size: elements * 8, array, elements, type, id };
      case BtfKind.TYPEDEF:
      case BtfKind.VOLATILE:
      case BtfKind.CONST:
      case BtfKind.RESTRICT:
      case BtfKind.TYPE_TAG:
        type = btf.ref(type);
        if (!array) id = type;
        break;
      case BtfKind.ARRAY:
        array = true;
        elements *= btf.elementCount(type);
        type = btf.elementType(type);
        id = type;
        break;
      default:
        return null;
    }
  }
  return null;
}

/** Flag of a pointer's type tag: `__user`, `__percpu`, `__rcu`. */
function tagFlag(btf: Btf, pointee: number): number {
  if (btf.kind(pointee) !== BtfKind.TYPE_TAG || btf.kflag(pointee)) return 0;
  switch (btf.name(pointee)) {
    case "user":
      return TypeFlag.MEM_USER;
    case "percpu":
      return TypeFlag.MEM_PERCPU;
    case "rcu":
      return TypeFlag.MEM_RCU;
    default:
      return 0;
  }
}

/** A struct inside, and the offset in it, at which a walk goes on. */
interface Step {
  readonly type: number;
  readonly off: number;
}

/** Where an access behind a struct's end goes on: into a flexible array at its end, of numbers or of structs. */
function flexibleElement(btf: Btf, struct: number, off: number): Step | "scalar" | null {
  const vlen = btf.vlen(struct);
  if (vlen === 0) return null;
  const array = skipModifiers(btf, btf.memberType(struct, vlen - 1));
  if (btf.kind(array) !== BtfKind.ARRAY || btf.elementCount(array) !== 0) return null;
  const start = Math.floor(btf.memberBitOffset(struct, vlen - 1) / 8);
  if (off < start) return null;
  const type = skipModifiers(btf, btf.elementType(array));
  if (btf.kind(type) === BtfKind.INT) return "scalar";
  if (!isStruct(btf, type) || btf.size(type) === 0) return null;
  return { type, off: (off - start) % btf.size(type) };
}

/**
 * Finds what `size` bytes at `off` of a struct are, down to the first struct inside that begins there
 * (`btf_struct_walk`).
 */
export function btfStructWalk(
  env: Environment,
  btf: Btf,
  typeId: number,
  off: number,
  size: number,
  result: WalkResult,
): StructWalk {
  let struct = typeId;
  for (;;) {
    if (isModifier(btf, struct)) struct = skipModifiers(btf, struct);
    const name = typeName(btf, struct);
    if (!isStruct(btf, struct)) {
      env.log.write(`Type '${name}' is not a struct\n`);
      return StructWalk.NO_FIELD;
    }
    const vlen = btf.vlen(struct);
    // Of a union nobody knows which member holds; one of a single member is none (__bpf_md_ptr).
    if (btf.kind(struct) === BtfKind.UNION && vlen !== 1) result.flags |= distrust(env);
    // As the kernel compares: an offset below 0 is far beyond the end.
    if ((off + size) >>> 0 > btf.size(struct)) {
      const element = flexibleElement(btf, struct, off >>> 0);
      if (element === "scalar") return StructWalk.SCALAR;
      if (element === null) {
        env.log.write(`access beyond struct ${name} at off ${off >>> 0} size ${size}\n`);
        return StructWalk.NO_ACCESS;
      }
      // How many elements there are, nobody knows: since 6.18.y, what they hold is not to be relied on.
      result.flags |= distrust(env);
      struct = element.type;
      off = element.off;
      continue;
    }
    const step = walkMembers(env, btf, struct, off, size, result);
    if (typeof step === "number") return step;
    struct = step.type;
    off = step.off;
  }
}

/** What is not to be relied on: in 6.1 pointers were not told apart by that. */
function distrust({ release }: Environment): number {
  return release === "6.1" ? 0 : TypeFlag.PTR_UNTRUSTED;
}

/** One struct of the walk. @returns its answer, or the struct inside at which it goes on */
function walkMembers(
  env: Environment,
  btf: Btf,
  struct: number,
  off: number,
  size: number,
  result: WalkResult,
): StructWalk | Step {
  const name = typeName(btf, struct);
  for (let i = 0, vlen = btf.vlen(struct); i < vlen; i++) {
    const bitOffset = btf.memberBitOffset(struct, i);
    let start = Math.floor(bitOffset / 8);
    if (off + size <= start) break;
    const bits = btf.memberBitSize(struct, i);
    if (bits !== 0) {
      // Unnamed bit fields are in no BTF: the bytes before this one may be read with it.
      if (off <= start && Math.ceil((bitOffset + bits) / 8) <= off + size) return StructWalk.SCALAR;
      continue;
    }
    if (off < start) break;
    const memberName = btf.memberName(struct, i);
    const member = memberSize(btf, btf.memberType(struct, i));
    if (member === null) {
      env.log.write(`field ${memberName} doesn't have size\n`);
      return StructWalk.NO_SIZE;
    }
    const end = start + member.size;
    if (off >= end) continue;
    let bytes = member.size;
    if (member.array) {
      if (bytes === 0) continue;
      bytes /= member.elements;
      start += Math.floor((off - start) / bytes) * bytes;
    }
    if (isStruct(btf, member.type)) {
      if (off !== start) return { type: member.type, off: off - start };
      result.btfId = member.id;
      return StructWalk.STRUCT;
    }
    if (isPointer(btf, member.type)) {
      if (bytes !== size || off !== start) {
        env.log.write(
          `cannot access ptr member ${memberName} with moff ${start} in struct ${name} with off ${off} size ${size}\n`,
        );
        return StructWalk.NO_ACCESS;
      }
      const pointee = btf.ref(member.type);
      const target = skipModifiers(btf, pointee);
      if (!isStruct(btf, target)) return StructWalk.UNTRUSTED_POINTER;
      result.btfId = target;
      result.flags |= tagFlag(btf, pointee);
      result.fieldName = memberName;
      return StructWalk.POINTER;
    }
    // Numbers may be read together, as far as the member goes: an array of them is like one.
    if (off + size > end && (result.flags & TypeFlag.PTR_UNTRUSTED) === 0) {
      env.log.write(
        `access beyond the end of member ${memberName} (mend:${end}) in struct ${name} with off ${off} size ${size}\n`,
      );
      return StructWalk.NO_ACCESS;
    }
    return StructWalk.SCALAR;
  }
  env.log.write(`struct ${name} doesn't have field at offset ${off}\n`);
  return StructWalk.NO_FIELD;
}
