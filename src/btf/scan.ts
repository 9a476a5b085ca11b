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
 * One pass keeps only the largest id and string offset; the position of an error is searched for when there is one.
 */
export function scanTypes(words: Uint32Array, lead: number, limits: ScanLimits): TypeTable {
  const total = words.length;
  const room = new Uint32Array((total - lead) / 3 + 1);
  let count = 0;
  if (lead > 0) room[count++] = 0;
  let maxId = 0;
  let maxString = 0;
  let functions = false;
  let at = lead;
  while (at < total) {
    if (at + 3 > total) throw truncated(limits, at, lead, count, 3, total);
    const info = words[at + 1]!;
    const third = words[at + 2]!;
    const name = words[at]!;
    const vlen = info & 0xffff;
    if (name > maxString) maxString = name;
    room[count++] = at;
    const first = at + 3;
    at = first;
    switch ((info >>> 24) & 0x1f) {
      case 1: // INT
        at = first + 1;
        break;
      case 2: // PTR
      case 8: // TYPEDEF
      case 9: // VOLATILE
      case 10: // CONST
      case 11: // RESTRICT
      case 18: // TYPE_TAG
        if (third > maxId) maxId = third;
        break;
      case 12: // FUNC
        functions = true;
        if (third > maxId) maxId = third;
        break;
      case 14: // VAR
      case 17: // DECL_TAG
        at = first + 1;
        if (third > maxId) maxId = third;
        break;
      case 3: // ARRAY
        at = first + 3;
        if (at <= total) {
          if (words[first]! > maxId) maxId = words[first]!;
          if (words[first + 1]! > maxId) maxId = words[first + 1]!;
        }
        break;
      case 4: // STRUCT
      case 5: // UNION
        at = first + vlen * 3;
        if (at <= total) {
          for (let i = first; i < at; i += 3) {
            const memberName = words[i]!;
            const memberType = words[i + 1]!;
            if (memberName > maxString) maxString = memberName;
            if (memberType > maxId) maxId = memberType;
          }
        }
        break;
      case 6: // ENUM
        at = first + vlen * 2;
        if (at <= total) {
          for (let i = first; i < at; i += 2) if (words[i]! > maxString) maxString = words[i]!;
        }
        break;
      case 7: // FWD
      case 16: // FLOAT
        break;
      case 13: // FUNC_PROTO
        if (third > maxId) maxId = third;
        at = first + vlen * 2;
        if (at <= total) {
          for (let i = first; i < at; i += 2) {
            const paramName = words[i]!;
            const paramType = words[i + 1]!;
            if (paramName > maxString) maxString = paramName;
            if (paramType > maxId) maxId = paramType;
          }
        }
        break;
      case 15: // DATASEC
        at = first + vlen * 3;
        if (at <= total) {
          for (let i = first; i < at; i += 3) if (words[i]! > maxId) maxId = words[i]!;
        }
        break;
      case 19: // ENUM64
        at = first + vlen * 3;
        if (at <= total) {
          for (let i = first; i < at; i += 3) if (words[i]! > maxString) maxString = words[i]!;
        }
        break;
      default:
        throw problem(
          limits,
          count - 1,
          room[count - 1]! + 1 - lead,
          `expected a kind from 1 to ${KIND_MAX}, got ${(info >>> 24) & 0x1f}`,
        );
    }
    if (at > total) throw truncated(limits, first - 3, lead, count - 1, at - first + 3, total);
  }
  const index = room.slice(0, count);
  const end = limits.firstId + count;
  if (maxId >= end || maxString >= limits.stringEnd) {
    throw badReference({ words, index }, lead, end, limits);
  }
  if (functions) checkFunctions({ words, index }, lead, limits);
  return { words, index };
}

function checkFunctions({ words, index }: TypeTable, lead: number, limits: ScanLimits): void {
  const first = limits.firstId;
  for (let i = 0; i < index.length; i++) {
    const at = index[i]!;
    if (((words[at + 1]! >>> 24) & 0x1f) !== 12) continue;
    const target = words[at + 2]!;
    const kind =
      target < first ? limits.baseKind(target) : (words[index[target - first]! + 1]! >>> 24) & 0x1f;
    if (kind !== 13) {
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
