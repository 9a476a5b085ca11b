import { SpecialField } from "../btf/index.ts";
import { addressOf, Control, type KernelMemory, offsetOf } from "../mem/index.ts";
import { BpfUpdateFlag, Errno } from "../uapi/index.ts";
import { MAP_HEADER_SIZE, MapField } from "./map-header.ts";
import { rounded } from "./map-shape.ts";
import type { FreeFields } from "./operations.ts";
import { RecordField } from "./special-fields.ts";

/**
 * A value that a map has for one owner, in the list of the owner's values and in that of the map's.
 *
 * ```text
 *  +-----------------+---------------+-----+------------+--------+----------------------+
 *  | next of the     | next of the   | map | where the  | region | value, rounded to 8  |
 *  | owner           | map           |     | list hangs |        |                      |
 *  +-----------------+---------------+-----+------------+--------+----------------------+
 * ```
 */
const Element = { NEXT_OF_OWNER: 0, NEXT_OF_MAP: 4, MAP: 8, OWNER: 12, REGION: 16, VALUE: 24 } as const;

/** Field of a map's header with the first of its values. */
const FIRST_OF_MAP = MapField.SLABS;

/** Bits of a value that are not the program's: where they are. */
interface Hole {
  readonly offset: number;
  readonly size: number;
}

/**
 * Values that maps have for objects of the kernel (kernel/bpf/bpf_local_storage.c): sockets, tasks, control groups,
 * inodes. An owner is named by where its pointer to its values lies: its member `sk_bpf_storage`, `bpf_storage` …
 */
export class LocalStorage {
  readonly #memory: KernelMemory;
  readonly #freeFields: FreeFields | undefined;

  /** @param freeFields ends what a value owns; such values own nothing unless told. */
  constructor(memory: KernelMemory, freeFields?: FreeFields) {
    this.#memory = memory;
    this.#freeFields = freeFields;
  }

  /** Offset of the value that a map has for an owner; 0 for none. */
  find(owner: number, map: number): number {
    const view = this.#memory.view();
    for (let at = this.#first(owner); at !== 0; at = view.getUint32(at + Element.NEXT_OF_OWNER, true)) {
      if (view.getUint32(at + Element.MAP, true) === map) return at + Element.VALUE;
    }
    return 0;
  }

  /**
   * A new value: a copy of that at `from`, or zeros where it is 0. There is none yet.
   *
   * @returns its offset; 0 where the memory has no room.
   */
  create(owner: number, map: number, from: number): number {
    const header = map - MAP_HEADER_SIZE;
    const size = this.#memory.view().getUint32(header + MapField.VALUE_SIZE, true);
    const element = this.#memory.alloc(Element.VALUE + rounded(size));
    if (element === 0) return 0;
    const value = element + Element.VALUE;
    const view = this.#memory.view();
    const field = (at: number) => view.getUint32(header + at, true);
    const region = this.#memory.functions.region_add(
      value,
      value + size,
      field(MapField.ACCESS),
      0,
      0,
      field(MapField.WHAT),
      0,
    );
    if (region <= 0) {
      this.#memory.free(element);
      return 0;
    }
    if (from !== 0) this.#copy(map, value, from);
    const after = this.#memory.view();
    after.setUint32(element + Element.NEXT_OF_OWNER, this.#first(owner), true);
    after.setUint32(element + Element.NEXT_OF_MAP, after.getUint32(header + FIRST_OF_MAP, true), true);
    after.setUint32(element + Element.MAP, map, true);
    after.setUint32(element + Element.OWNER, owner, true);
    after.setUint32(element + Element.REGION, region, true);
    after.setUint32(header + FIRST_OF_MAP, element, true);
    this.#setFirst(owner, element);
    return value;
  }

  /**
   * `bpf_local_storage_update`: a new value takes the old one's place, but with BPF_F_LOCK, which the caller has seen to
   * have a meaning, the old one is written under its lock.
   *
   * @param from offset of the value.
   * @returns an errno as Linux's.
   */
  update(owner: number, map: number, from: number, flags: number): number {
    const how = flags & ~BpfUpdateFlag.F_LOCK;
    if (how > BpfUpdateFlag.EXIST) return -Errno.EINVAL;
    const old = this.find(owner, map);
    if (old !== 0 && how === BpfUpdateFlag.NOEXIST) return -Errno.EEXIST;
    if (old === 0 && how === BpfUpdateFlag.EXIST) return -Errno.ENOENT;
    if (old !== 0 && (flags & BpfUpdateFlag.F_LOCK) !== 0) {
      this.#copyLocked(map, old, from);
      return 0;
    }
    if (this.create(owner, map, from) === 0) return -Errno.ENOMEM;
    if (old !== 0) this.#unlink(old - Element.VALUE);
    return 0;
  }

  /** Takes the value out that a map has for an owner. @returns false where there is none. */
  remove(owner: number, map: number): boolean {
    const value = this.find(owner, map);
    if (value !== 0) this.#unlink(value - Element.VALUE);
    return value !== 0;
  }

  /** The owner ends. */
  clearOwner(owner: number): void {
    for (let at = this.#first(owner); at !== 0; at = this.#first(owner)) this.#unlink(at);
  }

  /** The map ends. */
  clearMap(map: number): void {
    const first = () => this.#memory.view().getUint32(map - MAP_HEADER_SIZE + FIRST_OF_MAP, true);
    for (let at = first(); at !== 0; at = first()) this.#unlink(at);
  }

  /** Offsets of all values that a map has. */
  *valuesOf(map: number): Generator<number> {
    const view = this.#memory.view();
    let at = view.getUint32(map - MAP_HEADER_SIZE + FIRST_OF_MAP, true);
    for (; at !== 0; at = this.#memory.view().getUint32(at + Element.NEXT_OF_MAP, true))
      yield at + Element.VALUE;
  }

  #unlink(element: number): void {
    const view = this.#memory.view();
    const owner = view.getUint32(element + Element.OWNER, true);
    const map = view.getUint32(element + Element.MAP, true);
    const header = map - MAP_HEADER_SIZE;
    const nextOfOwner = view.getUint32(element + Element.NEXT_OF_OWNER, true);
    if (this.#first(owner) === element) this.#setFirst(owner, nextOfOwner);
    else this.#relink(this.#first(owner), element, Element.NEXT_OF_OWNER);
    const nextOfMap = view.getUint32(element + Element.NEXT_OF_MAP, true);
    const first = view.getUint32(header + FIRST_OF_MAP, true);
    if (first === element) view.setUint32(header + FIRST_OF_MAP, nextOfMap, true);
    else this.#relink(first, element, Element.NEXT_OF_MAP);
    if (this.#holes(map).length > 0) this.#freeFields?.(map, element + Element.VALUE);
    this.#memory.regions.remove(view.getUint32(element + Element.REGION, true));
    this.#memory.retire(element);
  }

  /** Makes the one before an element in a list point to the one behind it. */
  #relink(first: number, element: number, link: number): void {
    const view = this.#memory.view();
    let before = first;
    while (view.getUint32(before + link, true) !== element) before = view.getUint32(before + link, true);
    view.setUint32(before + link, view.getUint32(element + link, true), true);
  }

  /** Special fields keep what they are (`copy_map_value`). */
  #copy(map: number, to: number, from: number): void {
    const bytes = this.#memory.bytes();
    const size = this.#memory.view().getUint32(map - MAP_HEADER_SIZE + MapField.VALUE_SIZE, true);
    let at = 0;
    for (const hole of this.#holes(map)) {
      bytes.copyWithin(to + at, from + at, from + hole.offset);
      at = hole.offset + hole.size;
    }
    bytes.copyWithin(to + at, from + at, from + size);
  }

  #copyLocked(map: number, to: number, from: number): void {
    const parallel = this.#memory.words()[Control.PARALLEL >>> 2] !== 0;
    const { lock, unlock } = this.#memory.functions;
    // BPF_F_LOCK was accepted: one of them is the lock.
    const at = to + this.#lockOf(map);
    if (parallel) lock(at);
    this.#copy(map, to, from);
    if (parallel) unlock(at);
  }

  #lockOf(map: number): number {
    return this.#holes(map).find(({ isLock }) => isLock)?.offset ?? 0;
  }

  #holes(map: number): (Hole & { readonly isLock: boolean })[] {
    const view = this.#memory.view();
    const record = view.getUint32(map - MAP_HEADER_SIZE + MapField.RECORD, true);
    if (record === 0) return [];
    return Array.from({ length: view.getUint32(record + RecordField.COUNT, true) }, (_, i) => {
      const field = record + RecordField.FIELDS + i * RecordField.STRIDE;
      return {
        offset: view.getUint32(field + RecordField.OFFSET, true),
        size: view.getUint32(field + RecordField.SIZE, true),
        isLock: view.getUint32(field + RecordField.TYPE, true) === SpecialField.SPIN_LOCK,
      };
    });
  }

  #first(owner: number): number {
    return offsetOf(this.#memory.view().getBigUint64(owner, true));
  }

  #setFirst(owner: number, element: number): void {
    this.#memory.view().setBigUint64(owner, element === 0 ? 0n : addressOf(element), true);
  }
}
