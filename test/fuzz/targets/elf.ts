import { openElf } from "../../../src/elf/index.ts";
import { mutateBytes } from "../bytes-mutator.ts";
import { objectFiles } from "../corpus.ts";
import { attempt, demand } from "../oracle.ts";
import type { Target } from "../target.ts";

/** ELF files: everything that can be read of one. */
export const elf: Target = {
  name: "elf",
  corpus: objectFiles,
  mutate: mutateBytes,
  run(input) {
    const file = openElf(input);
    for (const section of file.sections) {
      attempt(input.length, () => file.data(section));
      demand(section.name.length <= input.length, "a section's name is longer than the file");
    }
    for (const segment of file.segments) attempt(input.length, () => file.segmentData(segment));
    for (const table of [() => file.symbols(), () => file.dynamicSymbols()]) {
      for (const symbol of attempt(input.length, table) ?? []) {
        demand((symbol.place === "section") === (symbol.section !== undefined), "symbol without its section");
      }
    }
    for (const { entries } of attempt(input.length, () => file.relocations()) ?? []) {
      for (const { symbol } of entries) demand(symbol?.index !== 0, "relocation of the null symbol");
    }
    attempt(input.length, () => file.notes());
  },
};
