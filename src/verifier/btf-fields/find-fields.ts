import { type Btf, BtfKind, resolveType } from "../../btf/index.ts";
import type { KernelRelease } from "../../platform/index.ts";
import { Errno } from "../../uapi/index.ts";
import { FieldType, KPTR_MASK } from "../environment/record.ts";
import { Rejection } from "../environment/rejection.ts";
import { fieldShape, NAMED_FIELDS } from "./field-type.ts";
import { declTagValue, findByNameKind } from "./type-names.ts";

/** A special field as its type describes it: `struct btf_field_info`. */
export interface FoundField {
  /** One of {@link FieldType}. */
  readonly type: number;
  /** In bytes. */
  readonly off: number;
  /** Of pointers: the struct that they point to; of list heads and tree roots: the struct of their elements; else 0. */
  readonly target: number;
  /** Of list heads and tree roots: the member of `target` that is the node. */
  readonly nodeName: string;
}

/** `BTF_FIELDS_MAX` */
const FIELDS_MAX = 11;
const MAX_RESOLVE_DEPTH = 32;
const POINTER_MASK = KPTR_MASK | FieldType.UPTR;
/** What an array may hold more than one of. */
const REPEATABLE = POINTER_MASK | FieldType.LIST_HEAD | FieldType.RB_ROOT;

function fail(errno: number): never {
  throw new Rejection(errno, "");
}

/**
 * The special fields of a struct or of a data section, in the order in which they are declared (`btf_find_field`).
 *
 * @param mask kinds to look for, of {@link FieldType}
 * @throws Rejection with no words
 */
export function findFields(
  btf: Btf,
  type: number,
  mask: number,
  release: KernelRelease = "6.18",
): FoundField[] {
  const search = new FieldSearch(btf, mask, release);
  const kind = btf.kind(type);
  if (kind === BtfKind.STRUCT) return search.ofStruct(type, FIELDS_MAX, 0);
  if (kind === BtfKind.DATASEC) return search.ofSection(type);
  return fail(Errno.EINVAL);
}

interface Candidate {
  /** What declarations' tags are on: the struct or the variable. */
  readonly owner: number;
  /** Number of the member; -1 for a variable. */
  readonly component: number;
  readonly type: number;
  readonly off: number;
  /** Bytes that a data section has for it; 0: not said. */
  readonly expected: number;
}

class FieldSearch {
  readonly #btf: Btf;
  readonly #mask: number;
  readonly #release: KernelRelease;

  constructor(btf: Btf, mask: number, release: KernelRelease) {
    this.#btf = btf;
    this.#mask = mask;
    this.#release = release;
  }

  /** `btf_find_struct_field` */
  ofStruct(struct: number, room: number, level: number): FoundField[] {
    const btf = this.#btf;
    const found: FoundField[] = [];
    const seen = new Set<number>();
    for (let i = 0, vlen = btf.vlen(struct); i < vlen; i++) {
      const bits = btf.memberBitOffset(struct, i);
      if (bits % 8 !== 0) fail(Errno.EINVAL);
      const candidate = {
        owner: struct,
        component: i,
        type: btf.memberType(struct, i),
        off: bits / 8,
        expected: 0,
      };
      found.push(...this.#one(candidate, seen, room - found.length, level));
    }
    return found;
  }

  /** `btf_find_datasec_var` */
  ofSection(section: number): FoundField[] {
    const btf = this.#btf;
    const found: FoundField[] = [];
    const seen = new Set<number>();
    for (let i = 0, vlen = btf.vlen(section); i < vlen; i++) {
      const owner = btf.word(section, 3 + i * 3);
      const candidate = {
        owner,
        component: -1,
        type: btf.ref(owner),
        off: btf.word(section, 4 + i * 3),
        expected: btf.word(section, 5 + i * 3),
      };
      found.push(...this.#one(candidate, seen, FIELDS_MAX - found.length, 0));
    }
    return found;
  }

  /** `btf_find_field_one` */
  #one(candidate: Candidate, seen: Set<number>, room: number, level: number): FoundField[] {
    const btf = this.#btf;
    let { type } = candidate;
    let count = 1;
    let depth = 0;
    for (; depth < MAX_RESOLVE_DEPTH && btf.kind(type) === BtfKind.ARRAY; depth++) {
      count *= btf.elementCount(type);
      type = btf.elementType(type);
    }
    if (depth === MAX_RESOLVE_DEPTH) fail(Errno.E2BIG);
    if (count === 0) return [];

    const fieldType = this.#fieldType(type, seen);
    const { expected, off } = candidate;
    if (fieldType === 0) {
      if (btf.kind(type) !== BtfKind.STRUCT) return [];
      if (expected !== 0 && expected !== btf.size(type) * count) return [];
      return this.#nested(type, off, count, room, level + 1);
    }
    const { size, align } = fieldShape(fieldType);
    if (expected !== 0 && expected !== size * count) return [];
    if (off % align !== 0) return [];
    const field = this.#field(fieldType, type, candidate);
    if (field === null) return [];
    if (room === 0) fail(Errno.E2BIG);
    return count > 1 ? repeated([field], count, size, room) : [field];
  }

  /** `btf_find_nested_struct` */
  #nested(struct: number, off: number, count: number, room: number, level: number): FoundField[] {
    if (level >= MAX_RESOLVE_DEPTH) fail(Errno.E2BIG);
    const inner = this.ofStruct(struct, room, level).map((field) => ({ ...field, off: field.off + off }));
    if (inner.length === 0 || count === 1) return inner;
    return repeated(inner, count, this.#btf.size(struct), room);
  }

  /** What kind the type may be, by its name; 0 for none (`btf_get_field_type`). */
  #fieldType(type: number, seen: Set<number>): number {
    const name = this.#btf.name(type);
    for (const { type: fieldType, unique } of NAMED_FIELDS) {
      if ((this.#mask & fieldType) === 0 || fieldShape(fieldType).name !== name) continue;
      if (unique) {
        if (seen.has(fieldType)) fail(Errno.E2BIG);
        seen.add(fieldType);
      }
      return fieldType;
    }
    const mayPoint = (this.#mask & POINTER_MASK) !== 0 && this.#btf.kind(type) !== BtfKind.STRUCT;
    return mayPoint ? FieldType.KPTR_REF : 0;
  }

  #field(fieldType: number, type: number, { owner, component, off }: Candidate): FoundField | null {
    const btf = this.#btf;
    if ((fieldType & POINTER_MASK) !== 0) return findKptr(btf, type, off, this.#mask, this.#release);
    if (btf.kind(type) !== BtfKind.STRUCT || btf.size(type) !== fieldShape(fieldType).size) return null;
    if (fieldType !== FieldType.LIST_HEAD && fieldType !== FieldType.RB_ROOT) {
      return { type: fieldType, off, target: 0, nodeName: "" };
    }
    // btf_find_graph_root
    const tag = declTagValue(btf, owner, component, "contains:");
    if (!("value" in tag)) return fail(Errno.EINVAL);
    const colon = tag.value.indexOf(":");
    if (colon < 0) fail(Errno.EINVAL);
    const target = findByNameKind(btf, tag.value.slice(0, colon), BtfKind.STRUCT);
    if (target === 0) fail(Errno.ENOENT);
    const nodeName = tag.value.slice(colon + 1);
    if (nodeName === "") fail(Errno.EINVAL);
    return { type: fieldType, off, target, nodeName };
  }
}

/** The fields of `count` elements of an array that each have these (`btf_repeat_fields`). */
function repeated(fields: readonly FoundField[], count: number, size: number, room: number): FoundField[] {
  if (fields.some((field) => (field.type & REPEATABLE) === 0)) fail(Errno.EINVAL);
  if (fields.length * count > room) fail(Errno.E2BIG);
  const all: FoundField[] = [];
  for (let i = 0; i < count; i++)
    for (const field of fields) all.push({ ...field, off: field.off + i * size });
  return all;
}

/** What tags of pointers mean: `kptr` has changed its meaning, in 6.4. */
const TAGS: { readonly [release in KernelRelease]: ReadonlyMap<string, number> } = {
  "6.18": new Map([
    ["kptr_untrusted", FieldType.KPTR_UNREF],
    ["kptr", FieldType.KPTR_REF],
    ["percpu_kptr", FieldType.KPTR_PERCPU],
    ["uptr", FieldType.UPTR],
  ]),
  "6.1": new Map([
    ["kptr", FieldType.KPTR_UNREF],
    ["kptr_ref", FieldType.KPTR_REF],
  ]),
};

/**
 * The pointer field that a type tag makes of a pointer, or null for any other type (`btf_find_kptr`).
 *
 * @throws Rejection for a tag, or a target, that no such pointer can have
 */
export function findKptr(
  btf: Btf,
  type: number,
  off: number,
  mask: number,
  release: KernelRelease = "6.18",
): FoundField | null {
  let pointer = type;
  if (btf.kind(pointer) === BtfKind.VOLATILE) pointer = btf.ref(pointer);
  if (btf.kind(pointer) !== BtfKind.PTR) return null;
  const tag = btf.ref(pointer);
  if (btf.kind(tag) !== BtfKind.TYPE_TAG || btf.kflag(tag)) return null;
  if (btf.kind(btf.ref(tag)) === BtfKind.TYPE_TAG) fail(Errno.EINVAL);
  const fieldType = TAGS[release].get(btf.name(tag));
  if (fieldType === undefined) return fail(Errno.EINVAL);
  if ((fieldType & mask) === 0) return null;
  const target = resolveType(btf, tag);
  if (btf.kind(target) !== BtfKind.STRUCT) fail(Errno.EINVAL);
  return { type: fieldType, off, target, nodeName: "" };
}
