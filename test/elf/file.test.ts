import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FormatError, NotSupported, TsbpfError } from "../../src/base/index.ts";
import { ElfBuilder, isElf, openElf, SectionFlag, SectionType, SymbolType } from "../../src/elf/index.ts";

function sample(): Uint8Array {
  const elf = new ElfBuilder();
  const text = elf.section({ name: ".text", data: new Uint8Array(32), alignment: 8 });
  elf.notes("note", [{ name: "GNU", type: 1, description: Uint8Array.of(1, 2, 3, 4) }]);
  const f = elf.symbol({ name: "f", section: text, type: SymbolType.FUNC });
  elf.relocation(text, { offset: 8, type: 1, symbol: f });
  return elf.finish();
}

/** The sample with a field changed. */
function changed(change: (view: DataView, headers: number) => void): Uint8Array {
  const bytes = sample();
  const view = new DataView(bytes.buffer);
  change(view, Number(view.getBigUint64(40, true)));
  return bytes;
}

function readAll(bytes: Uint8Array): void {
  const file = openElf(bytes);
  file.symbols();
  file.dynamicSymbols();
  file.relocations();
  file.notes();
  for (const section of file.sections) file.data(section);
  for (const segment of file.segments) file.segmentData(segment);
}

describe("isElf", () => {
  it("looks at the magic number alone", () => {
    expect(isElf(sample())).toBe(true);
    expect(isElf(Uint8Array.of(0x7f, 0x45, 0x4c, 0x46))).toBe(true);
    expect(isElf(Uint8Array.of(0x9f, 0xeb, 1, 0))).toBe(false);
    expect(isElf(new Uint8Array(0))).toBe(false);
  });
});

describe("openElf", () => {
  it.each([
    ["an empty file", new Uint8Array(0), /offset 0: expected the magic 7f454c46, got an empty file/],
    ["text", new TextEncoder().encode("#!/bin/sh\n"), /expected the magic 7f454c46, got 23212f62/],
    ["a truncated header", sample().subarray(0, 50), /expected 64 bytes, got 50/],
    ["class 3", changed((v) => v.setUint8(4, 3)), /offset 4: expected class 1 or 2, got 3/],
    ["encoding 0", changed((v) => v.setUint8(5, 0)), /offset 5: expected data encoding 1 or 2, got 0/],
    ["version 9", changed((v) => v.setUint32(20, 9, true)), /offset 20: expected version 1, got 9/],
    [
      "a short section header table",
      changed((v) => v.setUint16(60, 60000, true)),
      /ELF section headers: offset \d+: expected 60000 entries of 64 bytes/,
    ],
    [
      "a section header size of 40",
      changed((v) => v.setUint16(58, 40, true)),
      /expected entries of 64 bytes, got 40/,
    ],
    [
      "a name table index too large",
      changed((v) => v.setUint16(62, 99, true)),
      /expected the index of the section names, got 99 of \d+ sections/,
    ],
    [
      "a name outside its table",
      changed((v, at) => v.setUint32(at + 64, 5000, true)),
      /ELF section names: offset \d+: name offset 5000 is outside the table/,
    ],
    [
      "an offset no file can have",
      changed((v) => v.setBigUint64(40, 1n << 60n, true)),
      /ELF header: offset 40: expected an offset or size, got 1152921504606846976/,
    ],
  ])("says where %s is wrong", (_what, bytes, message) => {
    expect(() => openElf(bytes)).toThrow(FormatError);
    expect(() => openElf(bytes)).toThrow(message);
  });

  it("refuses 32-bit files by name", () => {
    const bytes = changed((view) => view.setUint8(4, 1));
    expect(() => openElf(bytes)).toThrow(NotSupported);
    expect(() => openElf(bytes)).toThrow("32-bit ELF is not supported");
  });

  it("accepts a file without sections", () => {
    const bytes = sample().slice(0, 64);
    bytes.fill(0, 40, 48).fill(0, 60, 64);
    const file = openElf(bytes);
    expect([file.sections, file.symbols(), file.relocations(), file.notes()]).toEqual([[], [], [], []]);
  });

  it("gives contents as views of the file", () => {
    const bytes = sample();
    const file = openElf(bytes);
    const data = file.data(file.section(".text")!);
    expect(data.buffer).toBe(bytes.buffer);
    expect(file.notes()[0]!.description.buffer).toBe(bytes.buffer);
  });
});

describe("ElfFile", () => {
  it.each([
    [
      "contents outside the file",
      (v: DataView, at: number) => v.setBigUint64(at + 64 + 32, 1n << 20n, true),
      /ELF section .text: offset \d+: expected 1048576 bytes of contents from 64 on/,
    ],
    [
      "a symbol of a section that does not exist",
      (v: DataView, at: number) => v.setUint16(symtabAt(v, at) + 24 + 6, 77, true),
      /ELF section .symtab: offset 30: symbol 1 'f': expected a section index below 7, got 77/,
    ],
    [
      "a relocation outside its section",
      (v: DataView, at: number) => v.setBigUint64(relAt(v, at), 32n, true),
      /ELF section .rel.text: offset 0: offset 32 outside .text \(32 bytes\)/,
    ],
    [
      "a relocation with a symbol that does not exist",
      (v: DataView, at: number) => v.setUint32(relAt(v, at) + 12, 2, true),
      /ELF section .rel.text: offset 8: expected a symbol index below 2, got 2/,
    ],
    [
      "a note longer than its section",
      (v: DataView, at: number) =>
        v.setUint32(Number(v.getBigUint64(at + 2 * 64 + 24, true)) + 4, 0xffff_ffff, true),
      /ELF section note: offset 16: expected 4294967295 more bytes, got 4/,
    ],
    [
      "an entry size that is none",
      (v: DataView, at: number) => v.setBigUint64(at + 4 * 64 + 56, 0n, true),
      /ELF section .symtab: offset 0: expected entries of 24 bytes, got 0 in 48 bytes/,
    ],
  ])("says where %s is wrong", (_what, change, message) => {
    const bytes = changed(change);
    expect(() => readAll(bytes)).toThrow(FormatError);
    expect(() => readAll(bytes)).toThrow(message);
  });

  it("refuses compressed sections by name", () => {
    const elf = new ElfBuilder();
    elf.section({ name: ".debug_info", flags: SectionFlag.COMPRESSED, data: new Uint8Array(24) });
    const file = openElf(elf.finish());
    expect(() => file.data(file.sections[1]!)).toThrow("compressed ELF section .debug_info is not supported");
  });

  it("refuses relocation sections over the same bytes, which would multiply the work", () => {
    const elf = new ElfBuilder();
    const data = new Uint8Array(16 * 1000);
    for (let i = 0; i < 3; i++) {
      elf.section({
        name: `.rel${i}`,
        type: SectionType.REL,
        data: i === 0 ? data : data.subarray(0, 16),
        entrySize: 16,
        info: 1,
      });
    }
    const bytes = elf.finish();
    const view = new DataView(bytes.buffer);
    const headers = Number(view.getBigUint64(40, true));
    for (const i of [2, 3]) bytes.copyWithin(headers + 64 * i + 24, headers + 64 + 24, headers + 64 + 40);
    expect(() => openElf(bytes).relocations()).toThrow(/relocations have 48000 bytes together.*overlap/);
  });

  it("bounds the work that overlapping names can make", () => {
    const elf = new ElfBuilder();
    const long = "x".repeat(50_000);
    elf.symbol({ name: long });
    for (let i = 0; i < 5000; i++) elf.symbol({ name: `${i}` });
    const bytes = elf.finish();
    const file = openElf(bytes);
    const symtab = file.section(".symtab")!;
    const view = new DataView(bytes.buffer);
    for (let i = 1; i <= 5000; i++) view.setUint32(symtab.offset + 24 * (i + 1), 1 + i, true);
    expect(() => openElf(bytes).symbols()).toThrow(/ELF section .strtab: .* too many strings overlap/);
  });

  it("throws nothing but TsbpfError on mutated files", () => {
    const original = sample();
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(original.length - 1), fc.nat(255)), { minLength: 1, maxLength: 12 }),
        fc.nat(original.length),
        fc.boolean(),
        (changes, length, cut) => {
          const bytes = original.slice(0, cut ? length : original.length);
          for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
          try {
            readAll(bytes);
          } catch (error) {
            expect(error).toBeInstanceOf(TsbpfError);
          }
        },
      ),
      { numRuns: 3000 },
    );
  });
});

function relAt(view: DataView, headers: number): number {
  return Number(view.getBigUint64(headers + 3 * 64 + 24, true));
}

function symtabAt(view: DataView, headers: number): number {
  return Number(view.getBigUint64(headers + 4 * 64 + 24, true));
}
