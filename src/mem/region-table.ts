import { TsbpfError, textOf, utf8 } from "../base/index.ts";
import { Control } from "./control.ts";
import type { KernelMemory, Region, Regions } from "./memory.ts";
import { REGION_ENTRY_SIZE, REGION_TABLE_HEADER, RegionEntry } from "./region-entry.ts";

/** The host's side of the region table: every change and every test is made by the emitted functions. */
export class RegionTable implements Regions {
  readonly #memory: KernelMemory;

  constructor(memory: KernelMemory) {
    this.#memory = memory;
  }

  get count(): number {
    const words = this.#memory.words();
    const table = Atomics.load(words, Control.REGIONS >> 2) >>> 0;
    return table === 0 ? 0 : words[table >>> 2]!;
  }

  add(region: Region): number {
    const handle = this.tryAdd(region);
    if (handle === 0) throw new TsbpfError(`region ${region.what}: no memory is left`);
    return handle;
  }

  tryAdd(region: Region): number {
    const { start, end, access, stride, size } = region;
    if (!(start < end && (stride === 0 || (size > 0 && size <= stride)))) {
      throw new TsbpfError(
        `region ${region.what}: expected a range and a size within its stride, got ${start} to ${end}, ${size} of ${stride}`,
      );
    }
    const what = this.name(region.what);
    const handle =
      what === 0 ? 0 : this.#memory.functions.region_add(start, end, access, stride, size, what, 1);
    if (handle > 0) return handle;
    if (what !== 0) this.#memory.free(what);
    if (handle < 0) throw new TsbpfError(`region ${region.what}: expected no overlap, got one`);
    return 0;
  }

  remove(handle: number): void {
    if (this.#memory.functions.region_remove(handle) !== 1) {
      throw new TsbpfError(`region: expected the handle of a region, got ${handle}`);
    }
  }

  find(offset: number): Region | null {
    const table = Atomics.load(this.#memory.words(), Control.REGIONS >> 2) >>> 0;
    if (table === 0) return null;
    const index = this.#memory.functions.region_find(table, offset) - 1;
    if (index < 0) return null;
    const region = this.#read(table + REGION_TABLE_HEADER + index * REGION_ENTRY_SIZE);
    return offset < region.end ? region : null;
  }

  at(index: number): Region | null {
    const table = Atomics.load(this.#memory.words(), Control.REGIONS >> 2) >>> 0;
    if (table === 0 || !(index >= 0 && index < this.count)) return null;
    return this.#read(table + REGION_TABLE_HEADER + index * REGION_ENTRY_SIZE);
  }

  allows(offset: number, length: number, access: number): boolean {
    return this.#memory.functions.region_check(offset, length, access) >= 0;
  }

  name(text: string): number {
    const bytes = utf8(text);
    const block = this.#memory.alloc(4 + bytes.length);
    if (block === 0) return 0;
    this.#memory.view().setUint32(block, bytes.length, true);
    this.#memory.bytes().set(bytes, block + 4);
    return block;
  }

  #read(entry: number): Region {
    const view = this.#memory.view();
    const word = (at: number) => view.getUint32(entry + at, true);
    const what = word(RegionEntry.WHAT);
    const length = view.getUint32(what, true);
    return {
      start: word(RegionEntry.START),
      end: word(RegionEntry.END),
      access: word(RegionEntry.ACCESS),
      stride: word(RegionEntry.STRIDE),
      size: word(RegionEntry.SIZE),
      what: textOf(this.#memory.bytes().slice(what + 4, what + 4 + length)),
    };
  }
}
