import { BpfMapFlag, BpfMapType } from "../../uapi/index.ts";
import type { BtfRecord, VerifierMap } from "../../verifier/index.ts";
import type { KernelObject } from "./kernel-object.ts";

/** A map, as far as other maps hold it. */
export interface InnerMap extends KernelObject {
  readonly type: number;
  readonly keySize: number;
  readonly valueSize: number;
  readonly offset: number;
  readonly parts: {
    readonly flags: number;
    readonly maxEntries: number;
    readonly record: BtfRecord | null;
  };
}

/** The maps in a map of maps, each referenced once for every place that it has there. */
export class InnerMaps {
  readonly #like: VerifierMap;
  readonly #held = new Map<number, { readonly map: InnerMap; places: number }>();

  /** @param like what they have in common (`inner_map_meta`). */
  constructor(like: VerifierMap) {
    this.#like = like;
  }

  /** Whether programs that know what all are like may use a map in the others' place (`map_meta_equal`). */
  accepts(map: InnerMap): boolean {
    const like = this.#like;
    const { flags, maxEntries, record } = map.parts;
    const alike =
      like.type === map.type &&
      like.keySize === map.keySize &&
      like.valueSize === map.valueSize &&
      like.flags === flags &&
      sameRecord(like.record, record);
    // The code has the bounds of an array in it, unless the array was made to differ (array_map_meta_equal).
    const sized = like.type === BpfMapType.ARRAY && (flags & BpfMapFlag.INNER_MAP) === 0;
    return alike && (!sized || like.maxEntries === maxEntries);
  }

  /** A map comes to a place. @returns the word that the place holds. */
  take(map: InnerMap): number {
    const held = this.#held.get(map.offset);
    if (held === undefined) this.#held.set(map.offset, { map, places: 1 });
    else held.places++;
    map.get();
    return map.offset;
  }

  /** A place no longer holds the word. */
  release(word: number): void {
    const held = this.#held.get(word)!;
    if (--held.places === 0) this.#held.delete(word);
    held.map.put();
  }

  /** What system calls see of a place: the map's id. */
  idOf(word: number): number {
    return this.#held.get(word)!.map.id;
  }

  /** Offsets of all that it holds, each once. */
  offsets(): number[] {
    return [...this.#held.keys()];
  }

  clear(): void {
    for (const [word, { places }] of [...this.#held]) {
      for (let i = 0; i < places; i++) this.release(word);
    }
  }
}

/** `btf_record_equal` */
function sameRecord(one: BtfRecord | null, other: BtfRecord | null): boolean {
  if (one === null || other === null) return one === other;
  if (one.mask !== other.mask || one.fields.length !== other.fields.length) return false;
  return one.fields.every((field, i) => {
    const theirs = other.fields[i]!;
    return (
      field.offset === theirs.offset &&
      field.size === theirs.size &&
      field.type === theirs.type &&
      sameMembers(field.pointer, theirs.pointer) &&
      sameMembers(field.root, theirs.root)
    );
  });
}

/** Whether two descriptions name the same types of the same BTF. */
function sameMembers(one: object | null, other: object | null): boolean {
  if (one === null || other === null) return one === other;
  const theirs = new Map<string, unknown>(Object.entries(other));
  return Object.entries(one).every(([name, value]) => theirs.get(name) === value);
}
