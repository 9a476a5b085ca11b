import { ByteWriter, utf8 } from "../base/index.ts";
import { BTF_HEADER_SIZE, BTF_MAGIC, Btf } from "../btf/index.ts";

/** Words of `struct btf_type` and of what follows it in a VAR. */
export const TypeWord = { NAME: 0, INFO: 1, SIZE_OR_TYPE: 2, VAR_LINKAGE: 3 } as const;

/**
 * Changes single fields of BTF and adds to it, while all type ids and string offsets stay what they are: what records
 * of `.BTF.ext` and of programs refer to.
 */
export class BtfEditor {
  readonly btf: Btf;
  readonly #words: Uint32Array;
  readonly #index: Uint32Array;
  readonly #strings: Uint8Array;
  readonly #types: number[][] = [];
  readonly #names = new Map<string, number>();
  #stringEnd: number;
  #changed = false;

  /** `btf` must have no base. */
  constructor(btf: Btf) {
    const { words, index, strings } = btf.tables();
    this.btf = btf;
    this.#words = words.slice();
    this.#index = index;
    this.#strings = strings;
    this.#stringEnd = strings.length;
  }

  /** Word `at` of a type, as changed so far. */
  word(id: number, at: number): number {
    return this.#words[this.#index[id]! + at]!;
  }

  set(id: number, at: number, value: number): void {
    const place = this.#index[id]! + at;
    if (this.#words[place] === value) return;
    this.#words[place] = value;
    this.#changed = true;
  }

  /** Adds a string behind the others, unless it was added before; returns its offset. */
  addStringOnce(text: string): number {
    const known = this.#names.get(text);
    if (known !== undefined) return known;
    const offset = this.#stringEnd;
    this.#names.set(text, offset);
    this.#stringEnd += utf8(text).length + 1;
    this.#changed = true;
    return offset;
  }

  /** Adds a type from its words; returns its id. */
  addType(words: readonly number[]): number {
    this.#types.push([...words]);
    this.#changed = true;
    return this.btf.count + this.#types.length - 1;
  }

  /** The changed BTF; the one given where nothing was changed. */
  finish(): Btf {
    if (!this.#changed) return this.btf;
    const { endian } = this.btf;
    // The words of void are not in the data.
    const own = this.#words.subarray(3);
    const typeLength = (own.length + this.#types.reduce((sum, words) => sum + words.length, 0)) * 4;
    const capacity = BTF_HEADER_SIZE + typeLength + this.#stringEnd;
    const out = new ByteWriter({ endian, capacity });
    out
      .u16(BTF_MAGIC)
      .u8(1)
      .u8(0)
      .u32(BTF_HEADER_SIZE)
      .u32(0)
      .u32(typeLength)
      .u32(typeLength)
      .u32(this.#stringEnd);
    for (const word of own) out.u32(word);
    for (const words of this.#types) for (const word of words) out.u32(word >>> 0);
    out.write(this.#strings);
    for (const name of this.#names.keys()) out.write(utf8(name)).u8(0);
    return Btf.parse(out.finish(), { pointerSize: this.btf.pointerSize });
  }
}
