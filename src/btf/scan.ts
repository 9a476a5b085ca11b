import { type Endian, FormatError } from "../base/index.ts";
import { ELEMENT_WORDS, EXTRA_WORDS, KIND_MAX } from "./kinds.ts";

/** A type section as numbers of this machine, with the position of every type. */
export interface TypeTable {
  /** All fields of all types: BTF has nothing but 32-bit fields. */
  readonly words: Uint32Array;
  /** Position in `words` of each type, in order of ids. */
  readonly index: Uint32Array;
}

/** What a type section may refer to. */
export interface ScanLimits {
  readonly what: string;
  /** Id of the section's first type. */
  readonly firstId: number;
  /** References to strings must be below this. */
  readonly stringEnd: number;
  /** Kind of a type of the base, for ids below `firstId`. */
  readonly baseKind: (id: number) => number;
  /** Where the section starts in the data, for messages. */
  readonly typeStart: number;
}

/** Copies a type section to words of this machine's byte order, behind `lead` zero words. */
export function readWords(bytes: Uint8Array, start: number, end: number, endian: Endian, lead: number) {
  const words = new Uint32Array(lead + ((end - start) >> 2));
  new Uint8Array(words.buffer, lead * 4).set(bytes.subarray(start, end));
  const machine: Endian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1 ? "little" : "big";
  if (endian !== machine) {
    for (let i = lead; i < words.length; i++) {
      const word = words[i]!;
      words[i] = (word << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24);
    }
  }
  return words;
}

/**
 * Finds every type and checks all that later walks rely on: known kinds, members inside the section, type ids and
 * string offsets in range, functions that have a prototype (`btf_sanity_check` of libbpf).
 *
 * One pass without branches on the kind keeps only the largest id and string offset; which type has a bad one is
 * searched for when there is one.
 */
export function scanTypes(words: Uint32Array, lead: number, limits: ScanLimits): TypeTable {
  const { positions, count, maxId, maxString } = scanReferences(words, lead, limits);
  const index = positions.slice(0, count);
  const end = limits.firstId + count;
  if (maxId >= end || maxString >= limits.stringEnd) {
    throw badReference({ words, index }, lead, end, limits);
  }
  checkFunctions({ words, index }, lead, limits);
  return { words, index };
}

function scanReferences(words: Uint32Array, lead: number, limits: ScanLimits) {
  const total = words.length;
  const positions = new Uint32Array((total - lead) / 3 + 1);
  let count = lead > 0 ? 1 : 0;
  let maxId = 0;
  let maxString = 0;
  let at = lead;
  while (at < total) {
    if (at + 3 > total) throw truncated(limits, at, lead, count, 3, total);
    const info = words[at + 1]!;
    const kind = (info >>> 24) & 0x1f;
    if (kind === 0 || kind > KIND_MAX) {
      throw problem(limits, count, at + 1 - lead, `expected a kind from 1 to ${KIND_MAX}, got ${kind}`);
    }
    const step = ELEMENT_WORDS[kind]!;
    const first = at + 3 + EXTRA_WORDS[kind]!;
    const end = first + (info & 0xffff) * step;
    if (end > total) throw truncated(limits, at, lead, count, end - at, total);
    positions[count++] = at;
    maxString = Math.max(maxString, words[at]!);
    maxId = Math.max(
      maxId,
      (words[at + 2]! & THIRD_IS_ID[kind]!) >>> 0,
      (words[at + 3]! & FOURTH_IS_ID[kind]!) >>> 0,
    );
    maxId = Math.max(maxId, (words[at + 4]! & FOURTH_IS_ID[kind]!) >>> 0);
    const nameMask = ELEMENT_NAME[kind]!;
    const idMask = ELEMENT_ID[kind]!;
    const idAt = ELEMENT_ID_AT[kind]!;
    for (let i = first; i < end; i += step) {
      maxString = Math.max(maxString, (words[i]! & nameMask) >>> 0);
      maxId = Math.max(maxId, (words[i + idAt]! & idMask) >>> 0);
    }
    at = end;
  }
  return { positions, count, maxId, maxString };
}

const ALL = -1;
/** By kind, `ALL` where a word is a type id or string offset: of the type, of an ARRAY, of each element. */
const THIRD_IS_ID = [0, 0, ALL, 0, 0, 0, 0, 0, ALL, ALL, ALL, ALL, ALL, ALL, ALL, 0, 0, ALL, ALL, 0];
const FOURTH_IS_ID = [0, 0, 0, ALL, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
const ELEMENT_NAME = [0, 0, 0, 0, ALL, ALL, ALL, 0, 0, 0, 0, 0, 0, ALL, 0, 0, 0, 0, 0, ALL];
const ELEMENT_ID = [0, 0, 0, 0, ALL, ALL, 0, 0, 0, 0, 0, 0, 0, ALL, 0, ALL, 0, 0, 0, 0];
const ELEMENT_ID_AT = [0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0];

function checkFunctions({ words, index }: TypeTable, lead: number, limits: ScanLimits): void {
  const first = limits.firstId;
  for (let i = 0; i < index.length; i++) {
    const at = index[i]!;
    // What is no function stands for itself, so that both ways are one.
    const isFunction = ((words[at + 1]! >>> 24) & 0x1f) === 12;
    const target = isFunction ? words[at + 2]! : first + i;
    const kind =
      target < first ? limits.baseKind(target) : (words[index[target - first]! + 1]! >>> 24) & 0x1f;
    if (isFunction && kind !== 13) {
      throw problem(limits, i, at + 2 - lead, `expected a FUNC_PROTO, got type [${target}] of kind ${kind}`);
    }
  }
}

/** Searches for the first reference out of range; there is one. */
function badReference({ words, index }: TypeTable, lead: number, end: number, limits: ScanLimits) {
  for (let i = lead > 0 ? 1 : 0; i < index.length; i++) {
    const at = index[i]!;
    const kind = (words[at + 1]! >>> 24) & 0x1f;
    const vlen = words[at + 1]! & 0xffff;
    const first = at + 3;
    const string = (word: number, name: string) => {
      const value = words[word]!;
      if (value < limits.stringEnd) return null;
      return problem(
        limits,
        i,
        word - lead,
        `${name}: expected a string offset below ${limits.stringEnd}, got ${value}`,
      );
    };
    const type = (word: number, name: string) => {
      const value = words[word]!;
      if (value < end) return null;
      return problem(limits, i, word - lead, `${name}: expected a type id below ${end}, got ${value}`);
    };
    let error = string(at, "name");
    if (error === null && refersByThirdWord(kind)) error = type(at + 2, "type");
    if (error === null && kind === 3) error = type(first, "element type") ?? type(first + 1, "index type");
    const step = ELEMENT_WORDS[kind]!;
    for (let element = 0; error === null && step > 0 && element < vlen; element++) {
      const word = first + EXTRA_WORDS[kind]! + element * step;
      if (kind === 15) error = type(word, `variable ${element}`);
      else error = string(word, `name of member ${element}`);
      if (error === null && (kind === 4 || kind === 5 || kind === 13))
        error = type(word + 1, `member ${element}`);
    }
    if (error !== null) return error;
  }
  return new FormatError(limits.what, limits.typeStart, "reference out of range");
}

/** True for the kinds whose third word is a type id, not a size. */
function refersByThirdWord(kind: number): boolean {
  return kind === 2 || (kind >= 8 && kind <= 14) || kind === 17 || kind === 18;
}

function problem(limits: ScanLimits, position: number, word: number, text: string): FormatError {
  return new FormatError(
    limits.what,
    limits.typeStart + word * 4,
    `type [${limits.firstId + position}]: ${text}`,
  );
}

function truncated(
  limits: ScanLimits,
  at: number,
  lead: number,
  position: number,
  needed: number,
  total: number,
) {
  return problem(
    limits,
    position,
    at - lead,
    `expected ${needed * 4} bytes, got ${(total - at) * 4} up to the end of the type section`,
  );
}
