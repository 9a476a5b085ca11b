import { BtfKind, ELEMENT_WORDS, EXTRA_WORDS } from "./kinds.ts";

/** Words that the type at `words[at]` takes. */
export function typeLength(words: Uint32Array, at: number): number {
  const info = words[at + 1]!;
  const kind = (info >>> 24) & 0x1f;
  return 3 + EXTRA_WORDS[kind]! + (info & 0xffff) * ELEMENT_WORDS[kind]!;
}

/** Replaces every type id in the type at `words[at]` by what `map` gives for it. */
export function mapTypeIds(words: Uint32Array, at: number, map: (id: number) => number): void {
  const info = words[at + 1]!;
  const end = at + typeLength(words, at);
  switch ((info >>> 24) & 0x1f) {
    case BtfKind.PTR:
    case BtfKind.TYPEDEF:
    case BtfKind.VOLATILE:
    case BtfKind.CONST:
    case BtfKind.RESTRICT:
    case BtfKind.FUNC:
    case BtfKind.VAR:
    case BtfKind.DECL_TAG:
    case BtfKind.TYPE_TAG:
      words[at + 2] = map(words[at + 2]!);
      break;
    case BtfKind.ARRAY:
      words[at + 3] = map(words[at + 3]!);
      words[at + 4] = map(words[at + 4]!);
      break;
    case BtfKind.STRUCT:
    case BtfKind.UNION:
      for (let i = at + 4; i < end; i += 3) words[i] = map(words[i]!);
      break;
    case BtfKind.FUNC_PROTO:
      words[at + 2] = map(words[at + 2]!);
      for (let i = at + 4; i < end; i += 2) words[i] = map(words[i]!);
      break;
    case BtfKind.DATASEC:
      for (let i = at + 3; i < end; i += 3) words[i] = map(words[i]!);
      break;
  }
}

/** Replaces every string offset in the type at `words[at]`: the type's name first, then its elements' in order. */
export function mapStringOffsets(words: Uint32Array, at: number, map: (offset: number) => number): void {
  words[at] = map(words[at]!);
  const end = at + typeLength(words, at);
  switch ((words[at + 1]! >>> 24) & 0x1f) {
    case BtfKind.STRUCT:
    case BtfKind.UNION:
    case BtfKind.ENUM64:
      for (let i = at + 3; i < end; i += 3) words[i] = map(words[i]!);
      break;
    case BtfKind.ENUM:
    case BtfKind.FUNC_PROTO:
      for (let i = at + 3; i < end; i += 2) words[i] = map(words[i]!);
      break;
  }
}
