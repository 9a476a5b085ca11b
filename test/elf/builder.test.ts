import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  ElfBuilder,
  ElfMachine,
  openElf,
  SectionFlag,
  SectionType,
  SymbolBinding,
  SymbolType,
  SymbolVisibility,
} from "../../src/elf/index.ts";

const ENDIANS = ["little", "big"] as const;

describe.each(ENDIANS)("ElfBuilder, %s endian", (endian) => {
  it("writes what the reader reads: header, sections, symbols, relocations, notes", () => {
    const elf = new ElfBuilder({ endian, flags: 3 });
    const code = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16);
    const text = elf.section({
      name: "xdp",
      data: code,
      flags: SectionFlag.ALLOC | SectionFlag.EXECINSTR,
      alignment: 8,
    });
    const bss = elf.section({
      name: ".bss",
      type: SectionType.NOBITS,
      size: 4096,
      alignment: 16,
      flags: SectionFlag.ALLOC | SectionFlag.WRITE,
    });
    const addresses = elf.section({ name: ".addrsig", data: Uint8Array.of(1), link: "symtab" });
    elf.notes("notes", [
      { name: "GNU", type: 3, description: Uint8Array.of(9, 8, 7) },
      { name: "", type: 0xffff_ffff, description: new Uint8Array(0) },
    ]);
    const program = elf.symbol({
      name: "program",
      section: text,
      value: 8,
      size: 8,
      type: SymbolType.FUNC,
      visibility: SymbolVisibility.HIDDEN,
    });
    const local = elf.symbol({ name: "", section: bss, type: SymbolType.SECTION });
    const extern = elf.symbol({ name: "extern", binding: SymbolBinding.WEAK });
    elf.symbol({ name: "absolute", section: "absolute", value: 0xffff_ffff_8100_0000n });
    elf.symbol({ name: "tentative", section: "common", value: 8, size: 8 });
    elf.relocation(text, { offset: 0, type: 1, symbol: extern });
    elf.relocation(text, { offset: 8, type: 10, symbol: local });
    elf.relocation(addresses, { offset: 0, type: 2, symbol: program, addend: -5n });
    elf.relocation(addresses, { offset: 0, type: 3, addend: 1n << 40n });

    const file = openElf(elf.finish());
    expect(file.header).toMatchObject({ endian, type: 1, machine: ElfMachine.BPF, flags: 3, entry: 0n });
    expect(file.segments).toEqual([]);
    expect(file.sections.map((section) => section.name)).toEqual([
      "",
      "xdp",
      ".bss",
      ".addrsig",
      "notes",
      ".relxdp",
      ".rela.addrsig",
      ".symtab",
      ".strtab",
      ".shstrtab",
    ]);
    expect(file.data(file.section("xdp")!)).toEqual(code);
    expect(file.section("xdp")!.offset % 8).toBe(0);
    expect(file.section(".bss")).toMatchObject({ size: 4096, alignment: 16, type: SectionType.NOBITS });
    expect(file.data(file.section(".bss")!)).toHaveLength(0);
    expect(file.section(".addrsig")!.link).toBe(file.section(".symtab")!.index);
    expect(file.section("nonesuch")).toBeUndefined();

    const symbols = file.symbols();
    expect(symbols.map((symbol) => symbol.name)).toEqual([
      "",
      "",
      "program",
      "extern",
      "absolute",
      "tentative",
    ]);
    expect(file.section(".symtab")!.info).toBe(2);
    expect(symbols[1]).toMatchObject({ type: SymbolType.SECTION, section: file.section(".bss") });
    expect(symbols[2]).toMatchObject({
      value: 8n,
      size: 8,
      place: "section",
      visibility: 2,
      binding: SymbolBinding.GLOBAL,
    });
    expect(symbols[3]).toMatchObject({ place: "undefined", section: undefined, binding: SymbolBinding.WEAK });
    expect(symbols[4]).toMatchObject({ place: "absolute", value: 0xffff_ffff_8100_0000n });
    expect(symbols[5]).toMatchObject({ place: "common" });

    const [rel, rela] = file.relocations();
    expect(rel!.target).toBe(file.section("xdp"));
    expect(rel!.entries).toEqual([
      { offset: 0, type: 1, symbol: symbols[3], addend: undefined },
      { offset: 8, type: 10, symbol: symbols[1], addend: undefined },
    ]);
    expect(rela!.entries).toEqual([
      { offset: 0, type: 2, symbol: symbols[2], addend: -5n },
      { offset: 0, type: 3, symbol: undefined, addend: 1n << 40n },
    ]);
    expect(
      file.notes().map(({ name, type, description }) => ({ name, type, description: [...description] })),
    ).toEqual([
      { name: "GNU", type: 3, description: [9, 8, 7] },
      { name: "", type: 0xffff_ffff, description: [] },
    ]);
  });
});

describe("ElfBuilder", () => {
  it("numbers more than 65,279 sections through section 0 and .symtab_shndx", () => {
    const elf = new ElfBuilder();
    const count = 0xff10;
    for (let i = 1; i <= count; i++) elf.section({ name: `s${i % 7}`, data: Uint8Array.of(i & 255) });
    elf.symbol({ name: "low", section: 0xfeff, value: 0 });
    elf.symbol({ name: "high", section: 0xff05, value: 1 });
    elf.symbol({ name: "absolute", section: "absolute", value: 2 });
    const file = openElf(elf.finish());
    expect(file.sections).toHaveLength(count + 5);
    expect(file.symbols().map(({ name, place, section }) => [name, place, section?.index])).toEqual([
      ["", "undefined", undefined],
      ["low", "section", 0xfeff],
      ["high", "section", 0xff05],
      ["absolute", "absolute", undefined],
    ]);
    expect(file.data(file.symbols()[2]!.section!)).toEqual(Uint8Array.of(0x05));
  });

  it("round-trips any sections and symbols", () => {
    const name = fc.string({ unit: "grapheme" }).filter((text) => !text.includes("\0"));
    fc.assert(
      fc.property(
        fc.constantFrom(...ENDIANS),
        fc.array(fc.record({ name, data: fc.uint8Array(), shift: fc.nat(5) })),
        fc.array(
          fc.record({
            name,
            value: fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
            binding: fc.nat(2),
            at: fc.nat(),
          }),
        ),
        (endian, sections, symbols) => {
          const elf = new ElfBuilder({ endian });
          for (const { name, data, shift } of sections)
            elf.section({ name: `.${name}`, data, alignment: 1 << shift });
          const place = (at: number) =>
            sections.length === 0 ? ("absolute" as const) : 1 + (at % sections.length);
          for (const { name, value, binding, at } of symbols)
            elf.symbol({ name, value, binding, section: place(at) });
          const file = openElf(elf.finish());
          for (const [i, { name, data }] of sections.entries()) {
            expect(file.sections[i + 1]!.name).toBe(`.${name}`);
            expect(file.data(file.sections[i + 1]!)).toEqual(data);
          }
          const expected = [
            ...symbols.filter((s) => s.binding === 0),
            ...symbols.filter((s) => s.binding !== 0),
          ];
          expect(file.symbols().slice(1)).toMatchObject(
            expected.map(({ name, value, binding }) => ({ name, value, binding })),
          );
        },
      ),
      { numRuns: 50 },
    );
  });

  it("refuses relocations that mix addends, and sections that do not exist", () => {
    const elf = new ElfBuilder();
    const text = elf.section({ name: "text", data: new Uint8Array(16) });
    elf.relocation(text, { offset: 0, type: 1 });
    expect(() => elf.relocation(text, { offset: 0, type: 1, addend: 0 })).toThrow(/do not mix/);
    expect(() => elf.relocation(7, { offset: 0, type: 1 })).toThrow(/does not exist/);
    expect(() => elf.symbol({ name: "x", section: 9 })).toThrow(/no section 9/);
    expect(() => elf.section({ name: "x", alignment: 3 })).toThrow(/power of two/);
  });
});
