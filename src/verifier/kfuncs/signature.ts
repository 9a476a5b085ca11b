import { type Btf, BtfKind } from "../../btf/index.ts";
import { isIntOrEnum, isPointer, skipModifiers } from "../types/walk.ts";

/** What the end of a parameter's name says of it, as bits. */
export const ParameterMark = {
  /** Size of the memory in the parameter before. */
  SIZE: 1 << 0,
  /** As SIZE, and known when the program is loaded. */
  CONSTANT_SIZE: 1 << 1,
  /** Memory that may be NULL, whatever its size. */
  OPTIONAL: 1 << 2,
  CONSTANT: 1 << 3,
  IGNORED: 1 << 4,
  MAP: 1 << 5,
  ALLOCATED: 1 << 6,
  UNINITIALIZED: 1 << 7,
  REFCOUNTED: 1 << 8,
  NULLABLE: 1 << 9,
  CONSTANT_STRING: 1 << 10,
  IRQ_FLAG: 1 << 11,
  PROGRAM: 1 << 12,
  ITERATOR: 1 << 13,
} as const;

const SUFFIXES: readonly (readonly [suffix: string, mark: number])[] = [
  ["__sz", ParameterMark.SIZE],
  ["__szk", ParameterMark.CONSTANT_SIZE],
  ["__opt", ParameterMark.OPTIONAL],
  ["__k", ParameterMark.CONSTANT],
  ["__ign", ParameterMark.IGNORED],
  ["__map", ParameterMark.MAP],
  ["__alloc", ParameterMark.ALLOCATED],
  ["__uninit", ParameterMark.UNINITIALIZED],
  ["__refcounted_kptr", ParameterMark.REFCOUNTED],
  ["__nullable", ParameterMark.NULLABLE],
  ["__str", ParameterMark.CONSTANT_STRING],
  ["__irq_flag", ParameterMark.IRQ_FLAG],
  ["__prog", ParameterMark.PROGRAM],
  ["__iter", ParameterMark.ITERATOR],
];

/** Structs of vmlinux that make a pointer to them a parameter of its own kind (`kf_arg_btf_ids`). */
export const SpecialStruct = {
  NONE: 0,
  DYNPTR: 1,
  LIST_HEAD: 2,
  LIST_NODE: 3,
  RB_ROOT: 4,
  RB_NODE: 5,
  WORKQUEUE: 6,
  RES_SPIN_LOCK: 7,
  TASK_WORK: 8,
} as const;
export type SpecialStruct = (typeof SpecialStruct)[keyof typeof SpecialStruct];

const SPECIAL_STRUCTS: ReadonlyMap<string, SpecialStruct> = new Map([
  ["bpf_dynptr", SpecialStruct.DYNPTR],
  ["bpf_list_head", SpecialStruct.LIST_HEAD],
  ["bpf_list_node", SpecialStruct.LIST_NODE],
  ["bpf_rb_root", SpecialStruct.RB_ROOT],
  ["bpf_rb_node", SpecialStruct.RB_NODE],
  ["bpf_wq", SpecialStruct.WORKQUEUE],
  ["bpf_res_spin_lock", SpecialStruct.RES_SPIN_LOCK],
  ["bpf_task_work", SpecialStruct.TASK_WORK],
]);

/** A parameter's type or a result's, in the BTF of its function. */
export interface KfuncValue {
  /** Without modifiers; 0 for void. */
  readonly type: number;
  readonly scalar: boolean;
  readonly pointer: boolean;
  /** In bytes; of pointers 8. */
  readonly size: number;
  /** Of pointers: what they point to, without modifiers; 0 for void. */
  readonly target: number;
  /** Of pointers: `target` is one of these. */
  readonly struct: SpecialStruct;
}

export interface KfuncParameter extends KfuncValue {
  readonly name: string;
  /** Bits of {@link ParameterMark}. */
  readonly marks: number;
  /** A pointer to a function. */
  readonly callback: boolean;
}

/** What a kernel function takes and gives, read from its FUNC_PROTO once. */
export interface KfuncSignature {
  readonly params: readonly KfuncParameter[];
  readonly result: KfuncValue;
}

/** @param vmlinux the kernel's BTF: `btf`, or what it continues */
export function readSignature(btf: Btf, prototype: number, vmlinux: Btf): KfuncSignature {
  const params: KfuncParameter[] = [];
  for (let i = 0, vlen = btf.vlen(prototype); i < vlen; i++) {
    const name = btf.string(btf.word(prototype, 3 + i * 2));
    const value = readValue(btf, btf.word(prototype, 4 + i * 2), vmlinux);
    const callback = value.pointer && btf.kind(value.target) === BtfKind.FUNC_PROTO;
    params.push({ ...value, name, marks: marksOf(name), callback });
  }
  return { params, result: readValue(btf, btf.ref(prototype), vmlinux) };
}

function readValue(btf: Btf, id: number, vmlinux: Btf): KfuncValue {
  const type = skipModifiers(btf, id);
  const pointer = isPointer(btf, type);
  const target = pointer ? skipModifiers(btf, btf.ref(type)) : 0;
  return {
    type,
    scalar: isIntOrEnum(btf, type),
    pointer,
    size: pointer ? 8 : btf.sizeOf(type),
    target,
    struct: specialStruct(btf, target, vmlinux),
  };
}

/** Which special struct of vmlinux a type is: one of the same name in a module's own types is another. */
export function specialStruct(btf: Btf, id: number, vmlinux: Btf): SpecialStruct {
  if (id === 0 || id >= vmlinux.count || btf.kind(id) !== BtfKind.STRUCT) return SpecialStruct.NONE;
  const name = btf.name(id);
  const struct = SPECIAL_STRUCTS.get(name);
  return struct !== undefined && vmlinux.findByName(name, BtfKind.STRUCT) === id
    ? struct
    : SpecialStruct.NONE;
}

/** `btf_param_match_suffix` for each suffix: something has to stand before it. */
function marksOf(name: string): number {
  let marks = 0;
  for (const [suffix, mark] of SUFFIXES) {
    if (name.length > suffix.length && name.endsWith(suffix)) marks |= mark;
  }
  return marks;
}
