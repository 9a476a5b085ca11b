import { BtfKind, isEnum, MAX_RESOLVE_DEPTH, REFERENCE_WORD } from "../kinds.ts";
import type { BtfTables } from "../view.ts";
import { ContentHashes } from "./c-hash.ts";
import type { DefinitionOrder } from "./c-order.ts";
import { orderNames } from "./name-order.ts";

const MAX_RANK = 10;

/**
 * Adds all types in bpftool's order for C: enums, integers, structs, prototypes, the rest; by the name of what a type
 * refers to, then by its own; then by a hash of its content, which lasts from one kernel build to the next as ids do
 * not (`sort_btf_c` of bpftool).
 *
 * Most types of the rest have by then been added with what refers to them. Only those are sorted that have not: first
 * those without a name to sort by, as they stand before the others, and then what is left.
 */
export function addSorted(order: DefinitionOrder, tables: BtfTables): void {
  const sort = new CSort(tables);
  const { ranked, rest } = sort.split();
  sort.sort(ranked);
  // The first of all is left to those that refer to it: bpftool starts from 1 in an array that has void, too. Where
  // there are no ranked ones it is void.
  order.addAll(ranked, 1);
  const nameless = rest.filter((id) => order.awaits(id) && !sort.hasName(id));
  sort.sort(nameless);
  order.addAll(nameless, 0);
  const named = rest.filter((id) => order.awaits(id));
  sort.sort(named);
  order.addAll(named, 0);
}

class CSort {
  private readonly tables: BtfTables;
  private readonly hashes: ContentHashes;
  /** By id, of the types that are sorted. 0 to 4, or `MAX_RANK`. */
  private readonly ranks: Uint32Array;
  /** Where the name of what a type refers to is among all names that are sorted; 0 for none. */
  private readonly sortPlaces: Uint32Array;
  /** The same of the type's own name. */
  private readonly ownPlaces: Uint32Array;
  /** String offset of the name that the type goes by. */
  private readonly names: Uint32Array;

  constructor(tables: BtfTables) {
    const count = tables.index.length;
    this.tables = tables;
    this.hashes = new ContentHashes(tables);
    this.ranks = new Uint32Array(count);
    this.sortPlaces = new Uint32Array(count);
    this.ownPlaces = new Uint32Array(count);
    this.names = new Uint32Array(count);
  }

  /** The types with a rank below the last, and the rest without those that define nothing. */
  split(): { readonly ranked: Uint32Array; readonly rest: Uint32Array } {
    const { words, index } = this.tables;
    const ranked = new Uint32Array(index.length);
    const rest = new Uint32Array(index.length);
    let some = 0;
    let others = 0;
    for (let id = 1; id < index.length; id++) {
      const at = index[id]!;
      const kind = (words[at + 1]! >>> 24) & 0x1f;
      if (kind === BtfKind.FUNC || kind === BtfKind.VAR || kind === BtfKind.DATASEC) continue;
      const rank = this.rankOf(id, kind, words[at] !== 0);
      this.ranks[id] = rank;
      if (rank < MAX_RANK) ranked[some++] = id;
      else if (kind !== BtfKind.DECL_TAG) rest[others++] = id;
    }
    return { ranked: ranked.subarray(0, some), rest: rest.subarray(0, others) };
  }

  private rankOf(id: number, kind: number, named: boolean): number {
    const { words, index } = this.tables;
    for (let hops = 0; hops < MAX_RESOLVE_DEPTH; hops++) {
      if (kind === BtfKind.ENUM || kind === BtfKind.ENUM64) return named ? 1 : 0;
      if (kind === BtfKind.INT || kind === BtfKind.FLOAT) return 2;
      if (!named) return MAX_RANK;
      if (kind === BtfKind.STRUCT || kind === BtfKind.UNION) return 3;
      if (kind === BtfKind.FUNC_PROTO) return 4;
      const reference = REFERENCE_WORD[kind]!;
      if (reference === 0) return MAX_RANK;
      id = words[index[id]! + reference]!;
      kind = (words[index[id]! + 1]! >>> 24) & 0x1f;
    }
    return MAX_RANK;
  }

  /** False for those of the rest that stand before the others. */
  hasName(id: number): boolean {
    const { words, index } = this.tables;
    return words[index[id]!] !== 0 || words[index[this.end(id)]!] !== 0;
  }

  /** What a type refers to in the end: itself where it refers to none, void at the end of a chain that is too long. */
  private end(id: number): number {
    const { words, index } = this.tables;
    for (let hops = 0; hops < MAX_RESOLVE_DEPTH; hops++) {
      const at = index[id]!;
      const reference = REFERENCE_WORD[(words[at + 1]! >>> 24) & 0x1f]!;
      if (reference === 0) return id;
      id = words[at + reference]!;
    }
    return 0;
  }

  /** Sorts types that are in the order of their ids. */
  sort(ids: Uint32Array): void {
    const places = this.findPlaces(ids);
    if (places > 0) {
      const other = new Uint32Array(ids.length);
      sortBy(ids, this.ownPlaces, places, other);
      sortBy(other, this.sortPlaces, places, ids);
      sortBy(ids, this.ranks, MAX_RANK, other);
      ids.set(other);
    }
    this.sortByContent(ids);
  }

  /** Fills in the places of names, and returns the last. */
  private findPlaces(ids: Uint32Array): number {
    const { words, index, strings } = this.tables;
    const { names, sortPlaces, ownPlaces } = this;
    // A type that is referred to may be of another list: then it is named here too.
    const named = new Uint32Array(ids.length * 2);
    const ends = new Uint32Array(ids.length);
    let count = 0;
    for (let i = 0; i < ids.length; i++) {
      const id = ids[i]!;
      const end = this.end(id);
      ends[i] = end;
      const name = words[index[id]!]!;
      if (name !== 0) {
        names[id] = name;
        named[count++] = id;
      } else if (end === id) {
        // An enum without a name goes by that of its first value.
        const at = index[id]!;
        if (isEnum((words[at + 1]! >>> 24) & 0x1f) && (words[at + 1]! & 0xffff) > 0 && words[at + 3] !== 0) {
          names[id] = words[at + 3]!;
          named[count++] = id;
        }
      }
      if (end !== id && words[index[end]!] !== 0) {
        names[end] = words[index[end]!]!;
        named[count++] = end;
      }
    }
    const places = orderNames(strings, names, named.subarray(0, count), ownPlaces);
    for (let i = 0; i < ids.length; i++) {
      const id = ids[i]!;
      const end = ends[i]!;
      sortPlaces[id] = end === id || words[index[end]!] !== 0 ? ownPlaces[end]! : 0;
    }
    for (let i = 0; i < ids.length; i++) {
      if (words[index[ids[i]!]!] === 0) ownPlaces[ids[i]!] = 0;
    }
    return places;
  }

  /** Sorts those types by content which have the same rank and names. */
  private sortByContent(ids: Uint32Array): void {
    const { ranks, sortPlaces, ownPlaces, hashes } = this;
    for (let start = 0, end = 0; start < ids.length; start = end) {
      const first = ids[start]!;
      for (end = start + 1; end < ids.length; end++) {
        const id = ids[end]!;
        if (
          ownPlaces[id] !== ownPlaces[first] ||
          sortPlaces[id] !== sortPlaces[first] ||
          ranks[id] !== ranks[first]
        ) {
          break;
        }
      }
      if (end - start > 1) hashes.sort(ids.subarray(start, end));
    }
  }
}

/** Writes the ids to `sorted` in the order of their keys, which are at most `max`; those of one key stay in order. */
function sortBy(ids: Uint32Array, keys: Uint32Array, max: number, sorted: Uint32Array): void {
  const starts = new Uint32Array(max + 2);
  for (let i = 0; i < ids.length; i++) starts[keys[ids[i]!]! + 1]!++;
  for (let key = 1; key <= max; key++) starts[key]! += starts[key - 1]!;
  for (let i = 0; i < ids.length; i++) {
    const id = ids[i]!;
    sorted[starts[keys[id]!]!++] = id;
  }
}
