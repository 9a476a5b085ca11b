import { TsbpfError } from "../base/index.ts";
import {
  type Btf,
  BtfKind,
  type BtfValue,
  type BtfValueInput,
  decodeValue,
  encodeValue,
  resolveType,
} from "../btf/index.ts";

/** A key or value of a map: as its type says, or bytes where it has none. */
export type MapValue = BtfValue | Uint8Array;

/** What keys and values may be given as. */
export type MapValueInput = BtfValueInput | BtfValue;

/** Between the bytes of a key or value and what programs in JavaScript see of it. */
export class ValueCodec {
  readonly #btf: Btf | null;
  readonly #type: number;
  readonly #size: number;
  /** Untyped, but known to be an index or a descriptor. */
  readonly #number: boolean;

  constructor(btf: Btf | null, type: number, size: number, isNumber = false) {
    const typed = btf !== null && type !== 0 && btf.sizeOf(type) === size;
    this.#btf = typed ? btf : null;
    this.#type = type;
    this.#size = size;
    this.#number = isNumber && size === 4;
  }

  /** Whether a value is an array in JavaScript, too. */
  get isArray(): boolean {
    return this.#btf !== null && this.#btf.kind(resolveType(this.#btf, this.#type)) === BtfKind.ARRAY;
  }

  /** The bytes may be reused afterwards. */
  decode(bytes: Uint8Array): MapValue {
    if (this.#btf !== null) return decodeValue(this.#btf, this.#type, bytes);
    if (this.#number) return new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0, true);
    return bytes.slice();
  }

  encode(value: MapValueInput, what: string): Uint8Array {
    if (value instanceof Uint8Array) {
      if (value.length !== this.#size)
        throw new TsbpfError(`${what}: expected ${this.#size} bytes, got ${value.length}`);
      return value;
    }
    if (this.#btf !== null) return encodeValue(this.#btf, this.#type, value);
    if (!this.#number || typeof value !== "number") {
      throw new TsbpfError(
        `${what}: expected ${this.#number ? "a number" : `${this.#size} bytes`}, got ${typeof value}`,
      );
    }
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setUint32(0, value, true);
    return bytes;
  }
}
