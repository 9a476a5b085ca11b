import { type Btf, BtfKind } from "../../btf/index.ts";

const MODIFIERS: ReadonlySet<number> = new Set([
  BtfKind.TYPEDEF,
  BtfKind.CONST,
  BtfKind.VOLATILE,
  BtfKind.RESTRICT,
  BtfKind.TYPE_TAG,
]);

/** `btf_type_is_modifier`: typedefs and type tags count. */
export function isModifier(btf: Btf, id: number): boolean {
  return MODIFIERS.has(btf.kind(id));
}

/** The type behind modifiers (`btf_type_skip_modifiers`). */
export function skipModifiers(btf: Btf, id: number): number {
  let type = id;
  while (MODIFIERS.has(btf.kind(type))) type = btf.ref(type);
  return type;
}

/** `btf_type_is_struct`: unions count. */
export function isStruct(btf: Btf, id: number): boolean {
  const kind = btf.kind(id);
  return kind === BtfKind.STRUCT || kind === BtfKind.UNION;
}

export function isPointer(btf: Btf, id: number): boolean {
  return btf.kind(id) === BtfKind.PTR;
}

/** `btf_type_is_int` or any enum. */
export function isIntOrEnum(btf: Btf, id: number): boolean {
  const kind = btf.kind(id);
  return kind === BtfKind.INT || kind === BtfKind.ENUM || kind === BtfKind.ENUM64;
}

/** `btf_type_is_small_int`: an integer of at most 8 bytes. */
export function isSmallInt(btf: Btf, id: number): boolean {
  return btf.kind(id) === BtfKind.INT && btf.size(id) <= 8;
}

const KIND_TEXT: { readonly [kind: number]: string } = {
  [BtfKind.INT]: "INT",
  [BtfKind.PTR]: "PTR",
  [BtfKind.ARRAY]: "ARRAY",
  [BtfKind.STRUCT]: "STRUCT",
  [BtfKind.UNION]: "UNION",
  [BtfKind.ENUM]: "ENUM",
  [BtfKind.FWD]: "FWD",
  [BtfKind.TYPEDEF]: "TYPEDEF",
  [BtfKind.VOLATILE]: "VOLATILE",
  [BtfKind.CONST]: "CONST",
  [BtfKind.RESTRICT]: "RESTRICT",
  [BtfKind.FUNC]: "FUNC",
  [BtfKind.FUNC_PROTO]: "FUNC_PROTO",
  [BtfKind.VAR]: "VAR",
  [BtfKind.DATASEC]: "DATASEC",
  [BtfKind.FLOAT]: "FLOAT",
  [BtfKind.DECL_TAG]: "DECL_TAG",
  [BtfKind.TYPE_TAG]: "TYPE_TAG",
  [BtfKind.ENUM64]: "ENUM64",
};

/** The kind of a type in the kernel's words (`btf_type_str`). */
export function kindText(btf: Btf, id: number): string {
  return KIND_TEXT[btf.kind(id)] ?? "UNKNOWN";
}

/** Name of a type; void has none (the kernel's string table begins with an empty one). */
export function typeName(btf: Btf, id: number): string {
  return id === 0 ? "" : btf.name(id) || "(anon)";
}
