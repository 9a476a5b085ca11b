import { ByteWriter, type Endian } from "../../base/index.ts";
import type { ElfSection, SymbolHandle } from "../../elf/index.ts";
import { SectionType } from "../../elf/index.ts";
import type { LinkSource } from "./source.ts";

/** A variable (or extern function) of a section's DATASEC. */
export interface OutputVariable {
  /** Of the VAR or FUNC in the linked BTF. */
  readonly type: number;
  offset: number;
  size: number;
}

/** A page of the largest size that machines have; compilers ask for 8 bytes, or for what C code says. */
const MAX_ALIGNMENT = 1 << 16;

/** A section of the output: the sections of its name, one behind the other. */
export class OutputSection {
  readonly name: string;
  /** The first one's header; null while no object has more than externs for it. */
  header: ElfSection | null = null;
  readonly #data: ByteWriter;
  #size = 0;
  alignment = 1;
  /** Index in the output file, once it is laid out. */
  index = 0;
  /** The symbol that stands for the section. */
  symbol: SymbolHandle | null = null;
  hasBtf = false;
  readonly variables: OutputVariable[] = [];

  constructor(name: string, endian: Endian) {
    this.name = name;
    this.#data = new ByteWriter({ endian });
  }

  get size(): number {
    return this.#size;
  }

  /** Appends a section, aligned as both want to be; returns its offset. */
  append(source: LinkSource, section: ElfSection): number {
    const { file } = source;
    if (this.header === null) this.header = section;
    for (const what of ["type", "flags", "entrySize"] as const) {
      if (this.header[what] === section[what]) continue;
      const problem = `expected ${what} ${this.header[what]} as in the objects before, got ${section[what]}`;
      throw file.error({ section: section.name }, problem);
    }
    const alignment = section.alignment || 1;
    if (alignment > MAX_ALIGNMENT || !Number.isInteger(Math.log2(alignment))) {
      const problem = `expected an alignment that is a power of two up to ${MAX_ALIGNMENT}, got ${alignment}`;
      throw file.error({ section: section.name }, problem);
    }
    this.alignment = Math.max(this.alignment, alignment);
    const offset = Math.ceil(this.#size / this.alignment) * this.alignment;
    if (section.type !== SectionType.NOBITS) {
      this.#data.zeros(offset - this.#size);
      this.#data.write(file.data(section));
    }
    this.#size = offset + section.size;
    return offset;
  }

  /** What was appended; empty for `.bss`. A copy. */
  contents(): Uint8Array {
    return this.#data.finish();
  }
}
