import { addressOf, type KernelMemory, offsetOf } from "../mem/index.ts";
import { MAP_HEADER_SIZE, MapField } from "./map-header.ts";
import { rounded } from "./map-shape.ts";

/**
 * A value that a map has for one socket, in the list of the socket's values and in that of the map's.
 *
 * ```text
 *  +-----------------+---------------+-----+------------+--------+----------------------+
 *  | next of the     | next of the   | map | where the  | region | value, rounded to 8  |
 *  | socket          | map           |     | list hangs |        |                      |
 *  +-----------------+---------------+-----+------------+--------+----------------------+
 * ```
 */
const Element = { NEXT_OF_SOCKET: 0, NEXT_OF_MAP: 4, MAP: 8, SOCKET: 12, REGION: 16, VALUE: 24 } as const;

/** Field of a map's header with the first of its values. */
const FIRST_OF_MAP = MapField.SLABS;

/** Values of `BPF_MAP_TYPE_SK_STORAGE` maps. A socket is named by where its member `sk_bpf_storage` lies. */
export class SocketStorage {
  readonly #memory: KernelMemory;

  constructor(memory: KernelMemory) {
    this.#memory = memory;
  }

  /** Offset of the value that a map has for a socket; 0 for none. */
  find(socket: number, map: number): number {
    const view = this.#memory.view();
    for (let at = this.#first(socket); at !== 0; at = view.getUint32(at + Element.NEXT_OF_SOCKET, true)) {
      if (view.getUint32(at + Element.MAP, true) === map) return at + Element.VALUE;
    }
    return 0;
  }

  /**
   * A new value: a copy of that at `from`, or zeros where it is 0. There is none yet.
   *
   * @returns its offset; 0 where the memory has no room.
   */
  create(socket: number, map: number, from: number): number {
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
    if (from !== 0) this.#memory.bytes().copyWithin(value, from, from + size);
    const after = this.#memory.view();
    after.setUint32(element + Element.NEXT_OF_SOCKET, this.#first(socket), true);
    after.setUint32(element + Element.NEXT_OF_MAP, after.getUint32(header + FIRST_OF_MAP, true), true);
    after.setUint32(element + Element.MAP, map, true);
    after.setUint32(element + Element.SOCKET, socket, true);
    after.setUint32(element + Element.REGION, region, true);
    after.setUint32(header + FIRST_OF_MAP, element, true);
    this.#setFirst(socket, element);
    return value;
  }

  /** Takes the value out that a map has for a socket. @returns false where there is none. */
  remove(socket: number, map: number): boolean {
    const value = this.find(socket, map);
    if (value !== 0) this.#unlink(value - Element.VALUE);
    return value !== 0;
  }

  /** The socket ends. */
  clearSocket(socket: number): void {
    for (let at = this.#first(socket); at !== 0; at = this.#first(socket)) this.#unlink(at);
  }

  /** The map ends. */
  clearMap(map: number): void {
    const first = () => this.#memory.view().getUint32(map - MAP_HEADER_SIZE + FIRST_OF_MAP, true);
    for (let at = first(); at !== 0; at = first()) this.#unlink(at);
  }

  #unlink(element: number): void {
    const view = this.#memory.view();
    const socket = view.getUint32(element + Element.SOCKET, true);
    const header = view.getUint32(element + Element.MAP, true) - MAP_HEADER_SIZE;
    const nextOfSocket = view.getUint32(element + Element.NEXT_OF_SOCKET, true);
    if (this.#first(socket) === element) this.#setFirst(socket, nextOfSocket);
    else this.#relink(this.#first(socket), element, Element.NEXT_OF_SOCKET);
    const nextOfMap = view.getUint32(element + Element.NEXT_OF_MAP, true);
    const first = view.getUint32(header + FIRST_OF_MAP, true);
    if (first === element) view.setUint32(header + FIRST_OF_MAP, nextOfMap, true);
    else this.#relink(first, element, Element.NEXT_OF_MAP);
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

  #first(socket: number): number {
    return offsetOf(this.#memory.view().getBigUint64(socket, true));
  }

  #setFirst(socket: number, element: number): void {
    this.#memory.view().setBigUint64(socket, element === 0 ? 0n : addressOf(element), true);
  }
}
