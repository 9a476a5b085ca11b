import { Btf, BtfBuilder, writeBtf } from "../../src/btf/index.ts";
import { openElf } from "../../src/elf/index.ts";
import { practiceBtf } from "../btf/practice-btf.ts";
import { fileIn, objectFiles } from "./corpus.ts";

/** The two BTF sections of an object. */
export interface TypeSections {
  readonly btf: Uint8Array;
  /** Empty where the object has none. */
  readonly ext: Uint8Array;
}

/** The BTF of all objects of the corpus. */
export function typeSections(): TypeSections[] {
  const found: TypeSections[] = [];
  for (const bytes of objectFiles()) {
    const file = openElf(bytes);
    const btf = file.section(".BTF");
    const ext = file.section(".BTF.ext");
    if (btf === undefined) continue;
    found.push({
      btf: file.data(btf).slice(),
      ext: ext === undefined ? new Uint8Array(0) : file.data(ext).slice(),
    });
  }
  return found;
}

/** BTF data: of objects, in the other byte order, of a kernel where recorded, and of every kind of type. */
export function btfData(): Uint8Array[] {
  const own = typeSections().map(({ btf }) => btf);
  const swapped = own.slice(0, 6).map((bytes) => writeBtf(Btf.parse(bytes), { endian: "big" }));
  return [
    ...own,
    ...swapped,
    practiceBtf(),
    ...fileIn("../shared/golden/raw/btf.bin"),
    ...fileIn("../shared/book/p29-first-ten-types.btf"),
  ];
}

/** Split BTF on a base: a struct that uses a base's types, and tags. */
export function splitBtf(base: Btf): Uint8Array {
  const builder = new BtfBuilder({ base });
  const first = base.count > 1 ? 1 : 0;
  const pointer = builder.add({ kind: "PTR", type: first });
  const struct = builder.add({
    kind: "STRUCT",
    name: "split_struct",
    size: 16,
    members: [
      { name: "to_base", type: pointer, bitOffset: 0, bitSize: 0 },
      { name: "again", type: pointer, bitOffset: 64, bitSize: 0 },
    ],
  });
  builder.add({ kind: "TYPEDEF", name: "split_t", type: struct });
  return builder.finish();
}
