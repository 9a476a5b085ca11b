import { TsbpfError } from "../base/index.ts";
import { type BtfValue, type BtfValueInput, decodeValue, encodeValue } from "../btf/index.ts";
import { type GlobalPlace, globalsOf, type ObjectSpec } from "../object/index.ts";
import type { Mapping, Port } from "../sys/index.ts";
import { BpfMapFlag } from "../uapi/index.ts";
import type { LoadedMap } from "./loaded-map.ts";

/**
 * The global variables of a loaded object, by name. Where their section can be mapped, single variables are read and
 * written in place, as the programs do; elsewhere the whole section's value is, so that a write may undo what a program
 * wrote at the same time.
 */
export class Globals implements Iterable<[name: string, value: BtfValue]>, Disposable {
  readonly #spec: ObjectSpec;
  readonly #port: Port;
  readonly #maps: ReadonlyMap<string, LoadedMap>;
  readonly #places: ReadonlyMap<string, GlobalPlace>;
  readonly #mappings = new Map<string, Mapping | null>();

  constructor(spec: ObjectSpec, port: Port, maps: ReadonlyMap<string, LoadedMap>) {
    this.#spec = spec;
    this.#port = port;
    this.#maps = maps;
    this.#places = globalsOf(spec);
  }

  names(): IterableIterator<string> {
    return this.#places.keys();
  }

  has(name: string): boolean {
    return this.#places.has(name);
  }

  /** A variable's value now. TsbpfError where there is no such variable. */
  get(name: string): BtfValue {
    const place = this.#place(name);
    return decodeValue(this.#spec.btf!, place.variable, this.#read(place));
  }

  /** Writes a variable; of a struct, members that are left out keep their values. Constants are refused by the kernel. */
  set(name: string, value: BtfValueInput): void {
    const place = this.#place(name);
    const bytes = this.#read(place);
    encodeValue(this.#spec.btf!, place.variable, value, bytes);
    const mapping = this.#mapping(place.map);
    if (mapping !== null && !this.#spec.maps.get(place.map)!.freeze) {
      mapping.write(place.offset, bytes);
      return;
    }
    const { raw } = this.#map(place.map);
    const whole = raw.get(KEY)!;
    whole.set(bytes, place.offset);
    raw.set(KEY, whole);
  }

  *[Symbol.iterator](): Generator<[string, BtfValue]> {
    for (const name of this.names()) yield [name, this.get(name)];
  }

  [Symbol.dispose](): void {
    for (const mapping of this.#mappings.values()) mapping?.close();
    this.#mappings.clear();
  }

  #place(name: string): GlobalPlace {
    const place = this.#places.get(name);
    if (place === undefined) throw new TsbpfError(`object ${this.#spec.name}: no variable '${name}'`);
    return place;
  }

  #map(key: string): LoadedMap {
    const map = this.#maps.get(key);
    if (map === undefined) throw new TsbpfError(`object ${this.#spec.name}: map ${key} was not created`);
    return map;
  }

  /** A copy of the variable's bytes. */
  #read({ map, offset, size }: GlobalPlace): Uint8Array {
    const mapping = this.#mapping(map);
    if (mapping !== null) return mapping.read(offset, size).slice();
    return this.#map(map)
      .raw.get(KEY)!
      .slice(offset, offset + size);
  }

  /** null where the section's map cannot be mapped. */
  #mapping(key: string): Mapping | null {
    const known = this.#mappings.get(key);
    if (known !== undefined) return known;
    const spec = this.#spec.maps.get(key)!;
    let mapping: Mapping | null = null;
    if (spec.flags & BpfMapFlag.MMAPABLE) {
      const mapped = this.#port.map(this.#map(key).fd, 0, spec.valueSize, { write: !spec.freeze });
      if (typeof mapped !== "number") mapping = mapped;
    }
    this.#mappings.set(key, mapping);
    return mapping;
  }
}

const KEY = new Uint8Array(4);
