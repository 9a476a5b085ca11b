import { mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ElfBuilder, openElf, SectionFlag, SymbolType } from "../../../src/elf/index.ts";
import { decode, encode, type Insn } from "../../../src/isa/index.ts";
import type { FixupMap } from "../../../src/verifier/index.ts";
import { referee } from "../../support/referee.ts";

export const bpftool = referee("bpftool");

/** A program for the live kernel: libbpf gives it its type by the section's name. */
export interface LiveProgram {
  readonly section: string;
  readonly insns: readonly Insn[];
}

/** An object file with one program a section. */
export function objectOf(programs: readonly LiveProgram[]): Uint8Array {
  const elf = new ElfBuilder();
  const license = elf.section({
    name: "license",
    data: new TextEncoder().encode("GPL\0"),
    flags: SectionFlag.ALLOC | SectionFlag.WRITE,
  });
  elf.symbol({ name: "_license", section: license, size: 4, type: SymbolType.OBJECT });
  const sections = new Map<string, { name: string; insns: Insn[] }[]>();
  for (const [index, { section, insns }] of programs.entries()) {
    const list = sections.get(section) ?? [];
    sections.set(section, list);
    list.push({ name: `p${index}`, insns: [...insns] });
  }
  for (const [name, list] of sections) {
    const data = encode(list.flatMap(({ insns }) => insns));
    const flags = SectionFlag.ALLOC | SectionFlag.EXECINSTR;
    const section = elf.section({ name, data, flags, alignment: 8 });
    let offset = 0;
    for (const { name: symbol, insns } of list) {
      const size = insns.length * 8;
      elf.symbol({ name: symbol, section, value: offset, size, type: SymbolType.FUNC });
      offset += size;
    }
  }
  return elf.finish();
}

/** A private bpffs, gone when the work is done, and what was pinned in it. */
export function withBpffs<T>(work: (folder: string) => T): T {
  const folder = mkdtempSync(join(tmpdir(), "tsbpf-fixups-"));
  const mount = referee("mount");
  const pins = join(folder, "fs");
  mkdirSync(pins);
  const mounted = mount.run(["-t", "bpf", "none", pins]);
  try {
    if (mounted.status !== 0) throw new Error(`mount: ${mounted.stderr}`);
    return work(folder);
  } finally {
    referee("umount").run([pins]);
    rmdirSync(pins);
    rmSync(folder, { recursive: true });
  }
}

/**
 * Loads an object and gives what the kernel made of each program, by name; or the text of the failure.
 */
export function loadAll(
  folder: string,
  object: Uint8Array,
  names: readonly string[],
): Map<string, Insn[]> | string {
  const file = join(folder, "object.o");
  writeFileSync(file, object);
  const pins = join(folder, "fs", "programs");
  const loaded = bpftool.run(["prog", "loadall", file, pins]);
  if (loaded.status !== 0) return loaded.stderr;
  try {
    return new Map(names.map((name) => [name, xlated(folder, join(pins, name))]));
  } finally {
    rmSync(pins, { recursive: true });
  }
}

/** What a pinned program looks like inside the kernel. */
export function xlated(folder: string, pin: string): Insn[] {
  const out = join(folder, "xlated.bin");
  const dumped = bpftool.run(["prog", "dump", "xlated", "pinned", pin, "file", out]);
  if (dumped.status !== 0) throw new Error(`bpftool prog dump: ${dumped.stderr}`);
  return decode(new Uint8Array(readFileSync(out)));
}

/** Addresses of the kernel's functions. */
export function kernelSymbols(): (name: string) => bigint | null {
  const addresses = new Map<string, bigint>();
  for (const line of readFileSync("/proc/kallsyms", "utf8").split("\n")) {
    const [address, , name] = line.split(/\s+/);
    if (name !== undefined && !addresses.has(name)) addresses.set(name, BigInt(`0x${address}`));
  }
  return (name) => addresses.get(name) ?? null;
}

/** Program and subprograms of an object as libbpf puts them together: `main`, then `.text` where there is one. */
export function linkSections(
  object: Uint8Array,
  main: string,
  maps: { readonly [name: string]: FixupMap },
): { insns: Insn[]; maps: Map<number, FixupMap> } {
  const elf = openElf(object);
  const insns: Insn[] = [];
  const references = new Map<number, FixupMap>();
  const parts = [main, ".text"].flatMap((name) => elf.section(name) ?? []);
  const starts = parts.map((section) => {
    const start = insns.length;
    insns.push(...decode(elf.data(section)));
    return start;
  });
  for (const [index, section] of parts.entries()) {
    const table = elf.relocations().find((candidate) => candidate.target?.index === section.index);
    for (const { offset, symbol } of table?.entries ?? []) {
      const slot = starts[index]! + offset / 8;
      const map = maps[symbol!.name];
      if (map === undefined) {
        // A call: its immediate counts from the start of the other section.
        insns[slot] = { ...insns[slot]!, imm: starts[1]! + insns[slot]!.imm + 1 - slot - 1 };
        continue;
      }
      references.set(slot, map);
      const value = symbol!.section!.name !== ".maps";
      insns[slot] = { ...insns[slot]!, src: value ? 2 : 1 };
    }
  }
  return { insns, maps: references };
}
