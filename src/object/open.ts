import { ByteReader, cString } from "../base/index.ts";
import { Btf, type BtfExt, BtfKind, fixDatasecs, parseBtfExt } from "../btf/index.ts";
import { type ElfSection, type ElfSymbol, SymbolBinding, SymbolType } from "../elf/index.ts";
import { BpfMapType, BpfProgType } from "../uapi/index.ts";
import { BtfEditor, TypeWord } from "./btf-editor.ts";
import { CodeRecords } from "./code-records.ts";
import { CodeReferences } from "./code-references.ts";
import { kconfigMap, readDataMaps } from "./data-maps.ts";
import { inObject } from "./error.ts";
import { exceptionCallbacks } from "./exception-callbacks.ts";
import { collectExterns, KCONFIG } from "./externs.ts";
import { isHidden, ObjectFunctions } from "./functions.ts";
import { isSlotSection, readLegacyMaps } from "./legacy-maps.ts";
import { readMapDefinitions } from "./map-definitions.ts";
import { readMapSlots } from "./map-slots.ts";
import type { PlacedMap } from "./map-spec.ts";
import { ObjectFile } from "./object-file.ts";
import { ProgramLayouts } from "./program-layout.ts";
import { ARENA_SECTION } from "./section-roles.ts";
import type { MapSpec, ObjectSpec, ProgramSpec } from "./spec.ts";
import { readStructOps } from "./struct-ops-maps.ts";

export interface OpenOptions {
  /** The file's name or path, for messages and for the object's name; `"object"` without it. */
  readonly name?: string;
  /** Attributes of maps that nobody knows are no error (`relaxed_maps` of libbpf). */
  readonly relaxedMaps?: boolean;
}

/** `BPF_OBJ_NAME_LEN` and the size of libbpf's `license`, without their NULs. */
const MAX_NAME = 15;
const MAX_LICENSE = 63;

/**
 * Opens an object file of BPF code, of either byte order: what it says, by libbpf's rules, with no kernel asked.
 *
 * Beyond libbpf 1.x it opens the `maps` sections of old, of libbpf 0.x and of iproute2. Throws ObjectError, which names
 * the section, symbol and offset, for whatever is not as it should be; programs in sections of unknown names are no
 * error here.
 *
 * ```ts
 * const spec = open(readFileSync("flow.bpf.o"), { name: "flow.bpf.o" });
 * spec.programs.get("count_flows")!.insns;
 * ```
 */
export function open(bytes: Uint8Array, options: OpenOptions = {}): ObjectSpec {
  const label = (options.name ?? "object").replace(/^.*\//s, "") || "object";
  return inObject(label, () => new Opening(new ObjectFile(bytes, label), options).spec());
}

/** The name libbpf gives an object: the first 15 bytes of its file's, up to the first dot. */
export function objectName(file: string): string {
  return file.replace(/^.*\//s, "").slice(0, MAX_NAME).replace(/\..*$/s, "");
}

class Opening {
  readonly #file: ObjectFile;
  readonly #options: OpenOptions;
  readonly #name: string;

  constructor(file: ObjectFile, options: OpenOptions) {
    this.#file = file;
    this.#options = options;
    this.#name = objectName(file.label);
  }

  spec(): ObjectSpec {
    const file = this.#file;
    const functions = new ObjectFunctions(file);
    const parsed = this.#parseBtf();
    const ext = parsed === null ? null : this.#parseExt(parsed);
    const externs = collectExterns(file, parsed);
    const btf = externs.btf === null ? null : this.#finishBtf(externs.btf, functions);

    const definitions = readMapDefinitions(file, btf, { relaxed: this.#options.relaxedMaps ?? false });
    const placed: PlacedMap[] = [
      ...readLegacyMaps(file, btf),
      ...this.#withArenaData(readMapSlots(file, btf, definitions, functions)),
      ...readDataMaps(file, btf, this.#name),
    ];
    const maps = new Map<string, MapSpec>();
    this.#addMaps(maps, placed);
    if (externs.kconfigSize > 0) maps.set(KCONFIG, kconfigMap(externs.kconfigSize, btf, this.#name));
    this.#addMaps(maps, readStructOps(file, btf, functions));

    const layouts = new ProgramLayouts({
      file,
      functions,
      text: file.sections("code").find((section) => section.name === ".text"),
      references: new CodeReferences(file, functions, { maps: placed, externs: externs.bySymbol }),
      records: new CodeRecords(file, btf, ext),
      externs: externs.specs,
      exceptionCallbacks: exceptionCallbacks(file, btf, functions),
    });
    const programs = new Map<string, ProgramSpec>();
    for (const code of functions.all) {
      if (code.subprogram) continue;
      if (programs.has(code.name)) {
        throw file.error({ section: code.section.name, symbol: code.name }, "two programs have this name");
      }
      programs.set(code.name, layouts.lay(code));
    }
    return {
      name: this.#name,
      endian: file.endian,
      license: this.#license(),
      kernelVersion: this.#kernelVersion(),
      programs: withSlotPrograms(programs, placed),
      maps,
      btf,
      externs: externs.specs,
    };
  }

  #parseBtf(): Btf | null {
    const section = this.#file.sections("btf")[0];
    if (section === undefined) return null;
    return Btf.parse(this.#file.data(section), { what: "section .BTF" });
  }

  #parseExt(btf: Btf): BtfExt | null {
    const section = this.#file.sections("btfExt")[0];
    return section === undefined ? null : parseBtfExt(this.#file.data(section), btf);
  }

  /** What libbpf changes in BTF before loading it, externs aside. */
  #finishBtf(btf: Btf, functions: ObjectFunctions): Btf {
    const file = this.#file;
    const variables = new Map<string, ElfSymbol>();
    for (const symbol of file.symbols) {
      if (symbol.type !== SymbolType.OBJECT || symbol.binding === SymbolBinding.LOCAL) continue;
      if (!variables.has(symbol.name)) variables.set(symbol.name, symbol);
    }
    const fixed = fixDatasecs(btf, {
      sectionSize: (name) => file.elf.section(name)?.size,
      variable: (name) => {
        const symbol = variables.get(name);
        return symbol === undefined ? undefined : { offset: Number(symbol.value), hidden: isHidden(symbol) };
      },
    });
    const hidden = functions.all.filter((code) => code.hidden && code.subprogram);
    if (hidden.length === 0) return fixed;
    const edit = new BtfEditor(fixed);
    for (const { name } of hidden) {
      const id = fixed.findByName(name, BtfKind.FUNC);
      if (id !== 0) edit.set(id, TypeWord.INFO, (fixed.word(id, TypeWord.INFO) & ~0xffff) >>> 0);
    }
    return edit.finish();
  }

  /** Initial values of variables in the address space of the object's arena. */
  #withArenaData(maps: readonly PlacedMap[]): PlacedMap[] {
    const file = this.#file;
    const arenas = maps.filter((map) => map.spec.type === BpfMapType.ARENA);
    if (arenas.length > 1) {
      throw file.error(
        { section: ".maps", symbol: arenas[1]!.key },
        `expected one arena, got ${arenas[0]!.key} too`,
      );
    }
    const data = file.sections("arena")[0];
    if (data === undefined) return [...maps];
    const arena = arenas[0];
    if (arena === undefined)
      throw file.error({ section: data.name }, "expected an arena in .maps for these variables, got none");
    if (data.size > arena.spec.maxEntries * 4096) {
      throw file.error(
        { section: data.name },
        `expected variables that fit into ${arena.key} (${arena.spec.maxEntries} pages), got ${data.size} bytes`,
      );
    }
    const spec: MapSpec = { ...arena.spec, contents: file.data(data), section: ARENA_SECTION };
    return maps.map((map) => (map === arena ? { ...map, spec } : map));
  }

  #addMaps(maps: Map<string, MapSpec>, placed: readonly PlacedMap[]): void {
    for (const { key, spec, section } of placed) {
      if (maps.has(key)) {
        throw this.#file.error(
          { section: this.#file.elf.sections[section]!.name, symbol: key },
          "two maps have this name",
        );
      }
      maps.set(key, spec);
    }
  }

  #license(): string {
    const section = this.#one("license");
    return section === undefined ? "" : cString(this.#file.data(section).subarray(0, MAX_LICENSE));
  }

  #kernelVersion(): number {
    const section = this.#one("version");
    if (section === undefined) return 0;
    const data = this.#file.data(section);
    if (data.length !== 4) {
      throw this.#file.error({ section: section.name }, `expected a version of 4 bytes, got ${data.length}`);
    }
    return new ByteReader(data, { endian: this.#file.endian }).u32();
  }

  #one(role: "license" | "version"): ElfSection | undefined {
    return this.#file.sections(role)[0];
  }
}

/** Programs of iproute2's slots have the type of the program that jumps to them: the object's first that has one. */
function withSlotPrograms(
  programs: ReadonlyMap<string, ProgramSpec>,
  maps: readonly PlacedMap[],
): ReadonlyMap<string, ProgramSpec> {
  const targets = new Set(maps.flatMap((map) => map.spec.slots.map((slot) => slot.target)));
  const known = [...programs.values()].find((program) => program.kind.type !== BpfProgType.UNSPEC);
  if (known === undefined) return programs;
  const result = new Map(programs);
  for (const [name, program] of programs) {
    if (program.kind.type === BpfProgType.UNSPEC && targets.has(name) && isSlotSection(program.sectionName)) {
      result.set(name, { ...program, kind: { ...known.kind, attachTarget: null } });
    }
  }
  return result;
}
