import { TsbpfError } from "../base/index.ts";
import { BtfKind, isComposite, isModifier, MAX_RESOLVE_DEPTH } from "./kinds.ts";
import type { Btf } from "./model.ts";

/** Where a field is inside a type. */
export interface BtfField {
  /** Id of the field's type. */
  readonly type: number;
  /** From the start of the outermost type, in bits. */
  readonly bitOffset: number;
  /** In bits; 0 where the field is not a bit field. */
  readonly bitSize: number;
}

/**
 * The type behind typedefs, modifiers and variables: 0 for void. FormatError for a chain of more than 32 types, which
 * no compiler writes and a cycle is.
 */
export function resolveType(btf: Btf, id: number): number {
  let resolved = id;
  for (let hops = 0; hops <= MAX_RESOLVE_DEPTH; hops++) {
    const kind = btf.kind(resolved);
    if (!isModifier(kind) && kind !== BtfKind.TYPEDEF && kind !== BtfKind.VAR) return resolved;
    resolved = btf.ref(resolved);
  }
  throw btf.error(id, `expected at most ${MAX_RESOLVE_DEPTH} typedefs and modifiers in a row`);
}

/**
 * Finds a field by its path, with members of anonymous structs and unions as members of what contains them:
 * `"len"`, `"cb[3]"`, `"sk.__sk_common.skc_family"`. TsbpfError names the part of the path there is not.
 */
export function findField(btf: Btf, id: number, path: string): BtfField {
  let field: BtfField = { type: id, bitOffset: 0, bitSize: 0 };
  let seen = "";
  for (const [part, name, element] of path.matchAll(/\.?([^.[\]]+)|\[(\d+)\]|[\s\S]/g)) {
    const type = resolveType(btf, field.type);
    const next =
      name !== undefined
        ? memberOf(btf, type, name)
        : element !== undefined
          ? elementOf(btf, type, Number(element))
          : null;
    if (next === null) {
      throw new TsbpfError(
        `${typeText(btf, type)}: expected a field, got '${part}' in '${path}'${seen === "" ? "" : ` after '${seen}'`}`,
      );
    }
    field = { type: next.type, bitOffset: field.bitOffset + next.bitOffset, bitSize: next.bitSize };
    seen += part;
  }
  return field;
}

/**
 * Offset in bytes of a field, named with its struct, union or typedef: `"sk_buff.len"`. TsbpfError where there is no
 * such type or field, or the field is a bit field.
 */
export function offsetOf(btf: Btf, path: string): number {
  const dot = path.search(/[.[]/);
  const name = dot < 0 ? path : path.slice(0, dot);
  const id =
    btf.findByName(name, BtfKind.STRUCT) ||
    btf.findByName(name, BtfKind.UNION) ||
    btf.findByName(name, BtfKind.TYPEDEF);
  if (id === 0) throw new TsbpfError(`${path}: expected a struct, union or typedef, got '${name}'`);
  const field = findField(btf, id, path.slice(name.length));
  if (field.bitSize !== 0 || field.bitOffset % 8 !== 0) {
    throw new TsbpfError(`${path}: expected a field at whole bytes, got a bit field`);
  }
  return field.bitOffset / 8;
}

function memberOf(btf: Btf, id: number, name: string): BtfField | null {
  // Each anonymous type is searched once: those that contain each other end the search.
  const searched = new Set<number>();
  const search = (type: number, base: number): BtfField | null => {
    if (!isComposite(btf.kind(type)) || searched.has(type)) return null;
    searched.add(type);
    for (let i = 0, vlen = btf.vlen(type); i < vlen; i++) {
      const bitOffset = base + btf.memberBitOffset(type, i);
      if (btf.memberNameOffset(type, i) === 0) {
        if (searched.size > MAX_RESOLVE_DEPTH * 8) return null;
        const found = search(resolveType(btf, btf.memberType(type, i)), bitOffset);
        if (found !== null) return found;
      } else if (btf.memberName(type, i) === name) {
        return { type: btf.memberType(type, i), bitOffset, bitSize: btf.memberBitSize(type, i) };
      }
    }
    return null;
  };
  return search(id, 0);
}

function elementOf(btf: Btf, id: number, element: number): BtfField | null {
  if (btf.kind(id) !== BtfKind.ARRAY) return null;
  const type = btf.elementType(id);
  const size = btf.sizeOf(type);
  // A flexible array member has no elements of its own, and any element.
  if (size < 0 || (btf.elementCount(id) !== 0 && element >= btf.elementCount(id))) return null;
  return { type, bitOffset: element * size * 8, bitSize: 0 };
}

function typeText(btf: Btf, id: number): string {
  return btf.nameOffset(id) === 0 ? `type [${id}]` : `type [${id}] '${btf.name(id)}'`;
}
