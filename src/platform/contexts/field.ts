import type {
  AccessWidth,
  ContextField,
  FieldAccess,
  FieldRewrite,
  FieldYield,
  Permission,
  StructContext,
} from "./context.ts";

/** Reads of 1, 2 and 4 bytes, writes of 4. */
export const NARROW: FieldAccess = { reads: { 1: 4, 2: 4, 4: 4 }, writes: [4] };
/** As `NARROW`, at the field's start only. */
export const NARROW_START: FieldAccess = { ...NARROW, start: true };
/** 4 bytes. */
export const WORD: FieldAccess = { reads: { 4: 0 }, writes: [4] };
/** 8 bytes at the field's start. */
export const DWORD: FieldAccess = { reads: { 8: 0 }, writes: [8], start: true };
/** Words of 8 bytes, one after another. */
export const DWORDS: FieldAccess = { reads: { 8: 0 }, writes: [8] };
/** 1 byte. */
export const BYTE: FieldAccess = { reads: { 1: 0 }, writes: [1], start: true };
/** Any size that ends inside the field. */
export const ANY: FieldAccess = { reads: { 1: 0, 2: 0, 4: 0, 8: 0 }, writes: [1, 2, 4, 8], within: true };
/** Reads of up to 8 bytes. */
export const NARROW_DWORD: FieldAccess = { reads: { 1: 8, 2: 8, 4: 8, 8: 8 }, writes: [] };

export const PACKET: FieldYield = { type: "PTR_TO_PACKET", flags: [], btf: null };
export const PACKET_META: FieldYield = { type: "PTR_TO_PACKET_META", flags: [], btf: null };
export const PACKET_END: FieldYield = { type: "PTR_TO_PACKET_END", flags: [], btf: null };
export const SOCKET: FieldYield = { type: "PTR_TO_SOCKET", flags: [], btf: null };
export const SOCKET_OR_NULL: FieldYield = { type: "PTR_TO_SOCKET", flags: ["PTR_MAYBE_NULL"], btf: null };
export const SOCK_COMMON_OR_NULL: FieldYield = {
  type: "PTR_TO_SOCK_COMMON",
  flags: ["PTR_MAYBE_NULL"],
  btf: null,
};

export function member(path: string, size: AccessWidth = "member"): FieldRewrite {
  return { kind: "member", path, size };
}

export function field(
  name: string,
  access: FieldAccess,
  rewrite: FieldRewrite,
  yields?: FieldYield,
): ContextField {
  return yields === undefined ? { name, access, rewrite } : { name, access, rewrite, yields };
}

const OPEN: Permission = {};

/** Names that are open without a condition, and conditions by name. */
export interface Access {
  /** All fields where it is absent. */
  readonly readable?: readonly string[];
  readonly hidden?: readonly string[];
  readonly writable?: readonly string[];
  readonly readableIf?: { readonly [name: string]: Permission };
  readonly writableIf?: { readonly [name: string]: Permission };
}

export function structContext(
  view: string,
  object: string,
  fields: readonly ContextField[],
  access: Access,
  gaps?: FieldAccess,
): StructContext {
  const names = fields.map(keyOf);
  const hidden = new Set(access.hidden);
  const readable = (access.readable ?? names).filter((name) => !hidden.has(name));
  return {
    kind: "struct",
    view,
    object,
    fields: new Map(fields.map((one) => [keyOf(one), one])),
    readable: permissions(readable, access.readableIf),
    writable: permissions(access.writable ?? [], access.writableIf),
    ...(gaps === undefined ? {} : { gaps }),
  };
}

/** What a field is called in the maps of a context; padding is told from the field that it follows. */
export function keyOf({ name, padding }: ContextField): string {
  return padding === undefined ? name : `${name}+`;
}

function permissions(
  names: readonly string[],
  conditions: { readonly [name: string]: Permission } = {},
): Map<string, Permission> {
  return new Map([...names.map((name): [string, Permission] => [name, OPEN]), ...Object.entries(conditions)]);
}
