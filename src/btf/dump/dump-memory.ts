import { FormatError } from "../../base/index.ts";
import type { BtfTables } from "../view.ts";
import { stepsFor } from "./dump-failure.ts";

/** Bytes of an element, by name, of the arrays in the memory of a dump. Arrays of types are by id. */
export const AREAS = {
  words: 4,
  index: 4,
  strings: 1,
  /** The order of definitions: what was visited, what others refer to, the result. */
  orderStates: 1,
  referenced: 1,
  queue: 4,
  /** The definitions: what was written, declared, and needs nothing more before a definition that refers to it. */
  states: 1,
  forwarded: 1,
  settled: 1,
  /** Number of each type among those of its name, from 1; 0 where it is not named yet. */
  numbers: 4,
  /** One more than the number of the piece that each type is, and where the name of the piece is. */
  pieces: 1,
  pieceAt: 4,
  /** Alignment + 1, and size in bits, of the types that were asked for. */
  alignments: 1,
  bits: 8,
  /** Names: first entry of each bucket; string offset, count and next entry of each entry. Entry 0 is none. */
  tagBuckets: 4,
  identifierBuckets: 4,
  nameOffsets: 4,
  nameCounts: 4,
  nameNexts: 4,
  /** Sorting: types by rank and the rest, what is sorted now, and room for as much. */
  ranked: 4,
  rest: 4,
  picked: 4,
  sorted: 4,
  /** Of a type: its rank; where its name, and that of what it refers to, is among all; the name it goes by. */
  ranks: 4,
  ownPlaces: 4,
  endPlaces: 4,
  sortNames: 4,
  /** What each type of the list refers to; types that are named; how many types there are of a key; ranges of names. */
  ends: 4,
  named: 4,
  keyStarts: 4,
  ranges: 4,
  /** Hashes of the content of types, and whether they are known. */
  hashes: 8,
  hashed: 1,
  out: 1,
  /** Types from a declared name to its base type. It ends where the memory does, and grows. */
  stack: 4,
} as const;

export type AreaName = keyof typeof AREAS;

/**
 * Numbers that the code is told: how many types there are, void included; the mask of bucket numbers; up to where
 * output is collected; where the stack ends; the size of a pointer; and {@link CStyle}.
 */
export const NUMBERS = [
  "count",
  "bucketMask",
  "outLimit",
  "stackRoom",
  "pointerSize",
  "enumModes",
  "attributes",
] as const;

export type NumberName = (typeof NUMBERS)[number];

/** In what versions of libbpf differ. */
export interface CStyle {
  /** Enums of other sizes than that of `int` say so by a `mode` attribute. */
  readonly enumModes: boolean;
  /** Type tags may be whole attributes. */
  readonly attributes: boolean;
}

/** Where the module's own constants start and end. */
export const CONSTANTS = 64;
export const CONSTANTS_END = 0x4000;

const PAGE = 0x1_0000;
/** Bytes of output collected before they are handed on. */
const CHUNK = 1 << 17;
/** More than a line has besides its strings, of which it has one. */
const LINE_SLACK = 4096;
/** Texts are read and written eight bytes at a time: what stands behind them must be there. */
const BEHIND = 8;
/** Addresses are signed where they are compared. */
const MAX_BYTES = 0x7fff_0000;

/** Where everything is in the memory of one dump. */
export interface DumpPlan {
  readonly areas: Readonly<Record<AreaName, number>>;
  readonly numbers: Readonly<Record<NumberName, number>>;
  readonly pages: number;
  /** How many steps a walk over the types may take. */
  readonly steps: number;
}

/** Plans the memory of a dump. FormatError for types that are too many. */
export function planMemory(
  { words, index, strings }: BtfTables,
  pointerSize: number,
  style: CStyle,
): DumpPlan {
  const count = index.length;
  // Types have three words at least, enumerators two.
  const names = 1 + count + (words.length >>> 1);
  let buckets = 256;
  while (buckets < words.length >>> 3) buckets *= 2;
  const counts: Partial<Record<AreaName, number>> = {
    words: words.length,
    strings: strings.length,
    tagBuckets: buckets,
    identifierBuckets: buckets,
    nameOffsets: names,
    nameCounts: names,
    nameNexts: names,
    named: count * 2,
    keyStarts: count * 2 + 2,
    ranges: count * 6 + 3,
    out: CHUNK + strings.length + LINE_SLACK,
    stack: 64,
  };
  let end = CONSTANTS_END;
  const areas: Record<string, number> = {};
  for (const [name, bytes] of Object.entries(AREAS)) {
    areas[name] = end;
    const behind = end + (counts[name as AreaName] ?? count) * bytes + BEHIND;
    if (behind > MAX_BYTES) {
      throw new FormatError("BTF", 0, "expected types that fit in 2 GiB with all that is known of them");
    }
    end = (behind + 7) & ~7;
  }
  const pages = Math.ceil(end / PAGE);
  return {
    areas: areas as Record<AreaName, number>,
    numbers: {
      count,
      bucketMask: buckets - 1,
      outLimit: areas["out"]! + CHUNK,
      stackRoom: (pages * PAGE - areas["stack"]!) >>> 2,
      pointerSize,
      enumModes: Number(style.enumModes),
      attributes: Number(style.attributes),
    },
    pages,
    steps: stepsFor(words.length),
  };
}

/** Puts the types where they belong. */
export function fillMemory(memory: WebAssembly.Memory, { areas }: DumpPlan, tables: BtfTables): void {
  const { buffer } = memory;
  new Uint32Array(buffer, areas.words).set(tables.words);
  new Uint32Array(buffer, areas.index).set(tables.index);
  new Uint8Array(buffer, areas.strings).set(tables.strings);
}
