import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import {
  ElfBuilder,
  type ElfFile,
  openElf,
  SectionFlag,
  SectionType,
  SymbolType,
} from "../../src/elf/index.ts";
import { describeWith, referee } from "../support/referee.ts";

const clang = referee("clang", "clang-14");
const readelf = referee("readelf");
const objdump = referee("llvm-objdump", "llvm-objdump-14");

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "tsbpf-elf-"));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** Symbols as `readelf -sW` prints them, without the index. */
function readelfSymbols(path: string, table: string): string[] {
  const out = readelf.run(["-sW", path]).stdout;
  const from = out.indexOf(`Symbol table '${table}'`);
  if (from < 0) return [];
  const rest = out.slice(from).split("\n\n")[0]!.trimEnd();
  return rest
    .split("\n")
    .slice(2)
    .map((line) => {
      const [, value, size, , , , section, name = ""] = line.trim().split(/\s+/);
      return `${BigInt(`0x${value}`)} ${Number(size)} ${section} ${name.replace(/@.*/, "")}`;
    });
}

function ourSymbols(symbols: ReturnType<ElfFile["symbols"]>): string[] {
  const places = { undefined: "UND", absolute: "ABS", common: "COM", reserved: "?", section: "" };
  // readelf shows a section symbol under its section's name.
  return symbols.map(
    ({ value, size, place, section, name, type }) =>
      `${value} ${size} ${place === "section" ? section!.index : places[place]} ${
        type === SymbolType.SECTION ? section!.name : name
      }`,
  );
}

describeWith([readelf], "elf against readelf", () => {
  it.each(["/bin/ls", "/lib/x86_64-linux-gnu/libc.so.6", "/usr/bin/node"])(
    "reads the sections, segments, symbols, relocations and notes of %s",
    (path) => {
      let bytes: Uint8Array;
      try {
        bytes = new Uint8Array(readFileSync(path));
      } catch {
        return;
      }
      const file = openElf(bytes);
      const sections = [
        ...readelf
          .run(["-SW", path])
          .stdout.matchAll(/^\s+\[\s*(\d+)\] (\S*)\s+\S+\s+([0-9a-f]{16}) ([0-9a-f]+) ([0-9a-f]+)/gm),
      ].map((m) => `${m[1]} ${m[2]} ${BigInt(`0x${m[3]}`)} ${parseInt(m[4]!, 16)} ${parseInt(m[5]!, 16)}`);
      expect(
        file.sections.slice(1).map((s) => `${s.index} ${s.name} ${s.address} ${s.offset} ${s.size}`),
      ).toEqual(sections.filter((line) => !line.startsWith("0 ")));
      expect(ourSymbols(file.dynamicSymbols())).toEqual(readelfSymbols(path, ".dynsym"));
      const relocations = readelf.run(["-rW", path]).stdout.match(/^[0-9a-f]{16} {2}/gm) ?? [];
      expect(file.relocations().reduce((sum, list) => sum + list.entries.length, 0)).toBe(relocations.length);
      const loads = readelf.run(["-lW", path]).stdout.match(/^ {2}LOAD /gm) ?? [];
      expect(file.segments.filter((segment) => segment.type === 1)).toHaveLength(loads.length);
      const buildId = /Build ID: (\w+)/.exec(readelf.run(["-nW", path]).stdout)?.[1];
      const note = file.notes().find((candidate) => candidate.name === "GNU" && candidate.type === 3);
      expect(note && Buffer.from(note.description).toString("hex")).toBe(buildId);
    },
  );

  it.each(["little", "big"] as const)("accepts what ElfBuilder writes, %s endian", (endian) => {
    const elf = new ElfBuilder({ endian });
    const flags = SectionFlag.ALLOC | SectionFlag.EXECINSTR;
    const code = new Uint8Array(16);
    code[0] = 0xb7;
    code[8] = 0x95;
    const text = elf.section({ name: "xdp", data: code, flags, alignment: 8 });
    elf.section({ name: ".bss", type: SectionType.NOBITS, size: 64, flags: 3, alignment: 8 });
    elf.notes("notes", [{ name: "GNU", type: 3, description: Uint8Array.of(1, 2, 3, 4) }]);
    const local = elf.symbol({ name: "", section: text, type: SymbolType.SECTION });
    elf.symbol({ name: "prog", section: text, type: SymbolType.FUNC, size: 16 });
    elf.relocation(text, { offset: 0, type: 1, symbol: local });
    const path = join(dir, `${endian}.o`);
    const bytes = elf.finish();
    writeFileSync(path, bytes);
    const all = readelf.run(["-aW", path]);
    expect(all.stderr).toBe("");
    expect(all.stdout).not.toMatch(/warning|error/i);
    expect(readelfSymbols(path, ".symtab")).toEqual(ourSymbols(openElf(bytes).symbols()));
    expect(all.stdout).toMatch(/Build ID: 01020304/);
  });
});

describeWith([clang, objdump], "elf against llvm", () => {
  it("writes an object that llvm-objdump disassembles", () => {
    const elf = new ElfBuilder();
    const code = Uint8Array.of(0xb7, 0, 0, 0, 2, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0);
    const text = elf.section({ name: "xdp", data: code, flags: 6, alignment: 8 });
    elf.symbol({ name: "prog", section: text, type: SymbolType.FUNC, size: 16 });
    const path = join(dir, "xdp.o");
    writeFileSync(path, elf.finish());
    const { status, stdout } = objdump.run(["-d", path]);
    expect(status).toBe(0);
    expect(stdout).toContain("<prog>:");
    expect(stdout).toContain("r0 = 2");
    expect(stdout).toContain("exit");
  });

  it.each(["bpfel", "bpfeb"])("reads clang's objects for %s: sections, symbols, relocations", (target) => {
    const source = join(dir, "prog.c");
    writeFileSync(
      source,
      `int counter; static int hidden = 3; extern int outside(void);
       __attribute__((section("xdp"))) int prog(void *ctx) { counter += hidden++; return outside(); }`,
    );
    const path = join(dir, `${target}.o`);
    expect(clang.run(["-target", target, "-O2", "-g", "-c", source, "-o", path]).stderr).toBe("");
    const file = openElf(new Uint8Array(readFileSync(path)));
    expect(file.header.machine).toBe(247);
    expect(file.endian).toBe(target === "bpfel" ? "little" : "big");
    expect(ourSymbols(file.symbols())).toEqual(readelfSymbols(path, ".symtab"));
    const program = file.relocations().find((list) => list.target?.name === "xdp")!;
    expect(program.entries.map((entry) => entry.symbol?.name || entry.symbol?.section?.name)).toEqual(
      expect.arrayContaining(["counter", ".data", "outside"]),
    );
  });
});
