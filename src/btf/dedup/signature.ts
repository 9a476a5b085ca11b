import { typeLength } from "../fields.ts";
import { BtfKind, isEnum } from "../kinds.ts";

/**
 * Hashes and comparisons of single types, as they stand in the words of a type section. "Shallow" ones leave out the
 * ids a type refers to: whether those are equivalent is found by walking the graph.
 */

function combine(hash: number, value: number): number {
  return (Math.imul(hash, 31) + value) | 0;
}

/** Hash of a range of words. */
function hashWords(words: Uint32Array, start: number, end: number): number {
  let hash = 0;
  for (let i = start; i < end; i++) hash = combine(hash, words[i]!);
  return hash;
}

/** Hash of a whole type, ids included: for types whose references are canonical already. */
export function hashExact(words: Uint32Array, at: number): number {
  return hashWords(words, at, at + typeLength(words, at));
}

/** Hash of what a shallow comparison compares. */
export function hashShallow(words: Uint32Array, at: number): number {
  const kind = (words[at + 1]! >>> 24) & 0x1f;
  // Not the size or the values of an enum: a forward declaration has none and must be found.
  if (isEnum(kind)) return hashWords(words, at, at + 1);
  if (kind === BtfKind.TYPEDEF) return hashWords(words, at, at + 2);
  let hash = hashWords(words, at, at + 3);
  const end = at + typeLength(words, at);
  for (let i = at + 3; i < end; i += 3) hash = combine(combine(hash, words[i]!), words[i + 2]!);
  return hash;
}

/** True where two types are the same word for word. */
export function equalExact(words: Uint32Array, a: number, b: number): boolean {
  if (words[a + 1] !== words[b + 1]) return false;
  for (let i = typeLength(words, a) - 1; i >= 0; i--) if (words[a + i] !== words[b + i]) return false;
  return true;
}

/** True where name, kind, flag and number of elements are the same. */
export function equalHead(words: Uint32Array, a: number, b: number): boolean {
  return words[a] === words[b] && words[a + 1] === words[b + 1];
}

/** STRUCT and UNION: the same but for the types of the members. */
export function equalComposite(words: Uint32Array, a: number, b: number): boolean {
  if (!equalHead(words, a, b) || words[a + 2] !== words[b + 2]) return false;
  for (let i = typeLength(words, a) - 3; i >= 3; i -= 3) {
    if (words[a + i] !== words[b + i] || words[a + i + 2] !== words[b + i + 2]) return false;
  }
  return true;
}

/** FUNC_PROTO: the same names of as many parameters. */
export function equalPrototype(words: Uint32Array, a: number, b: number): boolean {
  if (!equalHead(words, a, b)) return false;
  for (let i = typeLength(words, a) - 2; i >= 3; i -= 2) if (words[a + i] !== words[b + i]) return false;
  return true;
}

/** ARRAY: the same number of elements. */
export function equalArray(words: Uint32Array, a: number, b: number): boolean {
  return equalHead(words, a, b) && words[a + 5] === words[b + 5];
}

export function isEnumForward(words: Uint32Array, at: number): boolean {
  const info = words[at + 1]!;
  return isEnum((info >>> 24) & 0x1f) && (info & 0xffff) === 0;
}

/** Enums: the same, or one of them is a forward declaration of the name, of whatever size. */
export function compatibleEnums(words: Uint32Array, a: number, b: number): boolean {
  if (!isEnumForward(words, a) && !isEnumForward(words, b)) return equalExact(words, a, b);
  return (
    words[a] === words[b] && isEnum((words[a + 1]! >>> 24) & 0x1f) && isEnum((words[b + 1]! >>> 24) & 0x1f)
  );
}
