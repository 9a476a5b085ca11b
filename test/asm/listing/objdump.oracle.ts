import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, expect, it } from "vitest";
import { type ObjdumpSection, objdumpText } from "../../../src/asm/index.ts";
import { ElfBuilder, openElf, SectionFlag, SymbolType } from "../../../src/elf/index.ts";
import { decode, encode, INSN_SIZE, type Insn, ROWS } from "../../../src/isa/index.ts";
import { insnsOf } from "../../isa/arbitrary.ts";
import { describeWith, referee } from "../../support/referee.ts";

const clang = referee("clang-14");
const objdump = referee("llvm-objdump-14");
const folder = mkdtempSync(join(tmpdir(), "tsbpf-objdump-"));
afterAll(() => rmSync(folder, { recursive: true }));

function build(source: string, ...flags: readonly string[]): string {
  const object = join(folder, "out.o");
  const { status, stderr } = clang.run(["-target", "bpf", "-c", source, "-o", object, ...flags]);
  if (status !== 0) throw new Error(stderr);
  return object;
}

/** What our listing needs of an object, by our own ELF reader. */
function sectionsOf(path: string): ObjdumpSection[] {
  const elf = openElf(new Uint8Array(readFileSync(path)));
  return elf.sections
    .filter((section) => (Number(section.flags) & SectionFlag.EXECINSTR) !== 0 && section.size > 0)
    .map((section) => ({
      name: section.name,
      endian: elf.header.endian,
      insns: decode(elf.data(section), { endian: elf.header.endian }),
      symbols: elf
        .symbols()
        .filter(
          (symbol) => symbol.section === section && symbol.name !== "" && symbol.type !== SymbolType.SECTION,
        )
        .map((symbol) => ({ slot: Number(symbol.value) / INSN_SIZE, name: symbol.name })),
    }));
}

describeWith([clang, objdump], "llvm-objdump -d of LLVM 14, byte for byte", () => {
  const sources = ["mixed", "atomics"].map((name) => join("testdata", "asm", "objdump", `${name}.c`));
  const flags = [["-O2"], ["-O2", "-g"], ["-O0"], ["-Os"]];
  const cpus = ["v1", "v2", "v3"];
  const cases = sources.flatMap((source) =>
    cpus.flatMap((cpu) => flags.map((flag) => [source, cpu, flag.join(" ")] as const)),
  );

  it.each(cases)("%s -mcpu=%s %s", (source, cpu, flag) => {
    // Only v3 has the atomics that give back a value.
    if (source.includes("atomics") && cpu !== "v3") return;
    const object = build(source, `-mcpu=${cpu}`, ...flag.split(" "));
    expect(objdumpText(object, sectionsOf(object))).toBe(objdump.run(["-d", object]).stdout);
  });

  it("big-endian", () => {
    const object = build(sources[0]!, "--target=bpfeb", "-O2");
    expect(objdumpText(object, sectionsOf(object))).toBe(objdump.run(["-d", object]).stdout);
  });

  it("every row with random fields", () => {
    const parts = ROWS.flatMap((row) => fc.sample(insnsOf(row), { numRuns: 6, seed: 7 }).flat());
    // A target before the section would be named after a symbol of another one.
    const insns = parts.map((insn, slot): Insn => (insn.off < -slot ? { ...insn, off: 1 } : insn));
    const source = join(folder, "rows.s");
    const bytes = [...encode(insns)].join(",");
    writeFileSync(source, `.section rows,"ax"\nstart:\n.byte ${bytes}\n`);
    const object = build(source);
    expect(objdumpText(object, sectionsOf(object))).toBe(objdump.run(["-d", object]).stdout);
  });

  it.each(["little", "big"] as const)("any bytes, %s-endian", (endian) => {
    const slot = fc.record({
      opcode: fc.oneof(fc.integer({ min: 0, max: 255 }), fc.constantFrom(...ROWS.map((row) => row.opcode))),
      dst: fc.integer({ min: 0, max: 15 }),
      src: fc.integer({ min: 0, max: 15 }),
      off: fc.oneof(fc.constant(0), fc.integer({ min: -0x8000, max: 0x7fff })),
      imm: fc.oneof(fc.integer({ min: 0, max: 255 }), fc.integer({ min: -0x8000_0000, max: 0x7fff_ffff })),
    });
    // LLVM's listing of a map value without offset, which only loaders make, shows what its decoder read before.
    const usable = slot.filter(
      ({ opcode, src, off, imm }) => opcode !== 0x18 || src !== 2 || off !== 0 || imm !== 0,
    );
    const insns = [
      ...fc.sample(usable, { numRuns: 4000, seed: 11 }),
      ...decode(new Uint8Array(16).fill(0x95)),
    ];
    const elf = new ElfBuilder({ endian });
    const flags = SectionFlag.ALLOC | SectionFlag.EXECINSTR;
    elf.section({ name: ".text", data: encode(insns, { endian }), flags, alignment: INSN_SIZE });
    const object = join(folder, "any.o");
    writeFileSync(object, elf.finish());
    expect(objdumpText(object, sectionsOf(object))).toBe(objdump.run(["-d", object]).stdout);
  });
});
