import { ByteWriter, utf8 } from "../../base/index.ts";
import { type BtfExt, BtfKind, resolveType, writeBtf, writeBtfExt } from "../../btf/index.ts";
import {
  ElfBuilder,
  SectionFlag,
  SectionType,
  SymbolBinding,
  type SymbolHandle,
  SymbolType,
} from "../../elf/index.ts";
import { CallKind, encode, type Insn, isWide, WideKind } from "../../isa/index.ts";
import { ObjectError } from "../error.ts";
import { KCONFIG } from "../externs.ts";
import { RelocationType } from "../object-file.ts";
import type { MapSpec, ObjectSpec } from "../spec.ts";
import { FunctionSplitter, type WrittenFunction } from "./functions.ts";
import { structOpsSection, type WrittenTypes, writeTypes } from "./types.ts";

/**
 * Writes an object file that opens to the same spec: what front ends without an assembler of their own give to loaders and
 * tools. Programs are taken apart into functions; maps stand in `.maps`, those of old objects too.
 *
 * Throws ObjectError for what no file can say, such as a reference to a map that the object does not have.
 */
export function writeObject(spec: ObjectSpec): Uint8Array {
  return new ObjectWriter(spec).write();
}

/** Where a function went. */
interface Placed {
  readonly section: CodeSection;
  readonly slot: number;
}

interface CodeSection {
  readonly name: string;
  readonly functions: WrittenFunction[];
  slots: number;
  index: number;
}

class ObjectWriter {
  readonly #spec: ObjectSpec;
  readonly #elf: ElfBuilder;
  readonly #types: WrittenTypes;
  readonly #declared: readonly [key: string, map: MapSpec][];
  readonly #code: CodeSection[] = [];
  readonly #placed = new Map<WrittenFunction, Placed>();
  readonly #sections = new Map<string, number>();
  readonly #sectionSymbols = new Map<string, SymbolHandle>();
  readonly #symbols = new Map<string, SymbolHandle>();

  constructor(spec: ObjectSpec) {
    this.#spec = spec;
    this.#elf = new ElfBuilder({ endian: spec.endian });
    this.#declared = [...spec.maps].filter(
      ([, map]) => map.structOps === null && (map.section === null || isArena(map)),
    );
    this.#types = writeTypes(spec, this.#declared, textsOf(spec));
  }

  write(): Uint8Array {
    this.#placeCode();
    this.#writeCode();
    this.#writeData();
    this.#writeDeclarations();
    for (const extern of this.#spec.externs) {
      const binding = extern.weak ? SymbolBinding.WEAK : SymbolBinding.GLOBAL;
      this.#symbols.set(extern.name, this.#elf.symbol({ name: extern.name, binding }));
    }
    this.#relocateCode();
    this.#writeOthers();
    const { btf } = this.#types;
    if (btf !== null) {
      this.#elf.section({ name: ".BTF", data: writeBtf(btf, { endian: this.#spec.endian }), alignment: 8 });
      const ext = this.#records();
      if (ext !== null) this.#elf.section({ name: ".BTF.ext", data: ext, alignment: 8 });
    }
    return this.#elf.finish();
  }

  /** Subprograms first, as compilers have them; then the sections of the programs. */
  #placeCode(): void {
    const splitter = new FunctionSplitter(this.#spec);
    const programs = [...this.#spec.programs.values()].map((program) => splitter.split(program));
    const place = (name: string, code: WrittenFunction) => {
      let section = this.#code.find((other) => other.name === name);
      if (section === undefined) {
        section = { name, functions: [], slots: 0, index: 0 };
        this.#code.push(section);
      }
      section.functions.push(code);
      this.#placed.set(code, { section, slot: section.slots });
      section.slots += code.insns.length;
    };
    for (const code of splitter.subprograms) place(".text", code);
    for (const { spec, entry } of programs) place(`${spec.autoload ? "" : "?"}${spec.sectionName}`, entry);
  }

  #writeCode(): void {
    for (const section of this.#code) {
      const insns = section.functions.flatMap((code) => this.#instructions(code));
      section.index = this.#section(section.name, {
        data: encode(insns, { endian: this.#spec.endian }),
        flags: SectionFlag.ALLOC | SectionFlag.EXECINSTR,
        alignment: 8,
      });
      for (const code of section.functions) {
        const { slot } = this.#placed.get(code)!;
        const symbol = this.#elf.symbol({
          name: code.name,
          section: section.index,
          value: slot * 8,
          size: code.insns.length * 8,
          type: SymbolType.FUNC,
          binding: code.global ? SymbolBinding.GLOBAL : SymbolBinding.LOCAL,
        });
        if (code.global) this.#symbols.set(code.name, symbol);
      }
    }
  }

  /** A function's slots with what its relocations add to. */
  #instructions(code: WrittenFunction): Insn[] {
    const insns = [...code.insns];
    for (const reference of code.references) {
      const insn = insns[reference.slot]!;
      if (reference.kind === "mapValue") insns[reference.slot] = { ...insn, imm: reference.offset };
      // Calls of kfuncs are written as calls of functions to come.
      else if (!isWide(insn)) insns[reference.slot] = { ...insn, src: CallKind.local, imm: -1 };
    }
    for (const [slot, callee] of code.calls) {
      if (callee.global) continue;
      const at = this.#placed.get(callee)!.slot;
      const insn = insns[slot]!;
      insns[slot] = isWide(insn) ? { ...insn, src: WideKind.func, imm: at * 8 } : { ...insn, imm: at - 1 };
    }
    return insns;
  }

  #relocateCode(): void {
    for (const section of this.#code) {
      for (const code of section.functions) {
        const base = this.#placed.get(code)!.slot;
        const relocate = (slot: number, symbol: SymbolHandle) => {
          const type = isWide(code.insns[slot]!) ? RelocationType.R_64_64 : RelocationType.R_64_32;
          this.#elf.relocation(section.index, { offset: (base + slot) * 8, type, symbol });
        };
        for (const [slot, callee] of code.calls) {
          relocate(slot, callee.global ? this.#symbol(callee.name) : this.#sectionSymbol(".text"));
        }
        for (const reference of code.references) {
          if (reference.kind === "function") continue;
          if (reference.kind === "extern") {
            relocate(reference.slot, this.#symbol(this.#spec.externs[reference.extern]!.name));
            continue;
          }
          const section = this.#spec.maps.get(reference.map)?.section;
          const isValue = reference.kind === "mapValue" && section != null;
          relocate(reference.slot, isValue ? this.#sectionSymbol(section) : this.#symbol(reference.map));
        }
      }
    }
  }

  #writeData(): void {
    for (const map of this.#spec.maps.values()) {
      const { section: name, contents } = map;
      if (name === null || contents === null || name === KCONFIG) continue;
      const empty = /^\.bss(\.|$)/.test(name);
      const index = this.#section(name, {
        flags: SectionFlag.ALLOC | (map.freeze ? 0 : SectionFlag.WRITE),
        alignment: 8,
        ...(empty ? { type: SectionType.NOBITS, size: contents.length } : { data: contents }),
      });
      this.#writeVariables(name, index);
    }
  }

  /** `.maps` and struct_ops: variables whose values are addresses. */
  #writeDeclarations(): void {
    const { btf } = this.#types;
    const sections = new Map<string, [string, MapSpec][]>();
    if (this.#declared.length > 0) sections.set(".maps", [...this.#declared]);
    for (const [key, map] of this.#spec.maps) {
      if (map.structOps === null) continue;
      const name = structOpsSection(map);
      const list = sections.get(name);
      if (list === undefined) sections.set(name, [[key, map]]);
      else list.push([key, map]);
    }
    for (const [name, maps] of sections) {
      const datasec = btf === null ? 0 : btf.findByName(name, BtfKind.DATASEC);
      if (btf === null || datasec === 0) throw this.#error(`BTF does not describe section ${name}`);
      const places = new Map(variablesOf(btf, datasec).map((variable) => [variable.name, variable]));
      const size = maps.reduce((end, [key]) => Math.max(end, endOf(places.get(key))), 0);
      if (size > MAX_DECLARATIONS)
        throw this.#error(`section ${name}: expected at most ${MAX_DECLARATIONS} bytes, got ${size}`);
      const data = new Uint8Array(size);
      for (const [key, map] of maps) {
        const place = places.get(key);
        if (place === undefined) throw this.#error(`map ${key}: BTF's section ${name} does not have it`);
        if (map.structOps !== null && map.contents !== null) data.set(map.contents, place.offset);
      }
      const index = this.#section(name, { data, flags: SectionFlag.ALLOC | SectionFlag.WRITE, alignment: 8 });
      this.#writeVariables(name, index);
      for (const [key, map] of maps) this.#relocateValues(index, places.get(key)!, map);
    }
  }

  #relocateValues(index: number, place: Variable, map: MapSpec): void {
    const btf = this.#types.btf!;
    const type = resolveType(btf, place.id);
    const relocate = (offset: number, target: string) => {
      const symbol = this.#symbol(target);
      this.#elf.relocation(index, { offset: place.offset + offset, type: RelocationType.R_64_ABS64, symbol });
    };
    for (const { offset, program } of map.structOps?.members ?? []) relocate(offset, program);
    if (map.slots.length === 0) return;
    const values = btf.memberBitOffset(type, btf.vlen(type) - 1) / 8;
    for (const { index: slot, target } of map.slots) relocate(values + slot * 8, target);
  }

  /** Licence and version, and shells of sections that BTF describes and nobody reads. */
  #writeOthers(): void {
    const { license, kernelVersion, endian } = this.#spec;
    const { btf } = this.#types;
    const contents = new Map<string, Uint8Array>();
    if (license !== "") contents.set("license", utf8(`${license}\0`));
    if (kernelVersion !== 0) contents.set("version", new ByteWriter({ endian }).u32(kernelVersion).finish());
    for (let id = 1; btf !== null && id < btf.count; id++) {
      if (btf.kind(id) !== BtfKind.DATASEC) continue;
      const name = btf.name(id);
      // `maps` would be read as definitions of old; its variables are in `.maps` now.
      if (name === KCONFIG || name === ".ksyms" || name === "maps" || this.#sections.has(name)) continue;
      // What BTF says of their sizes need not be filled: only their symbols are looked for.
      if (!contents.has(name)) contents.set(name, NO_BYTES);
    }
    for (const [name, data] of contents) {
      const index = this.#section(name, { data, flags: SectionFlag.ALLOC | SectionFlag.WRITE });
      this.#writeVariables(name, index);
    }
  }

  #writeVariables(section: string, index: number): void {
    const { btf } = this.#types;
    const datasec = btf === null ? 0 : btf.findByName(section, BtfKind.DATASEC);
    if (btf === null || datasec === 0) return;
    for (const { id, name, offset, size } of variablesOf(btf, datasec)) {
      const global = btf.word(id, 3) !== 0;
      const binding = global ? SymbolBinding.GLOBAL : SymbolBinding.LOCAL;
      const symbol = this.#elf.symbol({
        name,
        section: index,
        value: offset,
        size,
        type: SymbolType.OBJECT,
        binding,
      });
      if (global) this.#symbols.set(name, symbol);
    }
  }

  #records(): Uint8Array | null {
    const types = this.#types;
    const names = types.btf!;
    const offsetOf = (text: string) => this.#sectionNameOffset(text);
    const part = <In extends { readonly slot: number }, Out>(
      recordsOf: (code: WrittenFunction) => readonly In[],
      make: (record: In, insnOffset: number) => Out,
    ) =>
      this.#code.flatMap((section) => {
        const records = section.functions.flatMap((code) => {
          const base = this.#placed.get(code)!.slot;
          return recordsOf(code).map((record) => make(record, (base + record.slot) * 8));
        });
        return records.length === 0
          ? []
          : [{ nameOffset: offsetOf(section.name), section: section.name, records }];
      });
    const ext: BtfExt = {
      endian: names.endian,
      funcInfo: part(
        (code) => code.funcInfo,
        ({ typeId }, insnOffset) => ({ insnOffset, typeId }),
      ),
      lineInfo: part(
        (code) => code.lineInfo,
        ({ fileOffset, lineOffset, lineNumber: line, column }, insnOffset) => ({
          insnOffset,
          fileOffset: types.string(fileOffset),
          lineOffset: types.string(lineOffset),
          line,
          column,
        }),
      ),
      coreRelos: part(
        (code) => code.coreRelocations,
        ({ typeId, access, kind }, insnOffset) => ({
          insnOffset,
          typeId,
          accessOffset: offsetOf(access),
          kind,
        }),
      ),
    };
    const isEmpty = ext.funcInfo.length + ext.lineInfo.length + ext.coreRelos.length === 0;
    return isEmpty ? null : writeBtfExt(ext, { endian: this.#spec.endian });
  }

  #sectionNameOffset(text: string): number {
    const offset = this.#types.stringOffset(text);
    if (offset < 0) throw this.#error(`BTF has no string '${text}'`);
    return offset;
  }

  #section(name: string, input: Omit<Parameters<ElfBuilder["section"]>[0], "name">): number {
    const index = this.#elf.section({ name, ...input });
    this.#sections.set(name, index);
    return index;
  }

  #sectionSymbol(name: string): SymbolHandle {
    const known = this.#sectionSymbols.get(name);
    if (known !== undefined) return known;
    const index = this.#sections.get(name);
    if (index === undefined) throw this.#error(`nothing is in section ${name}`);
    const symbol = this.#elf.symbol({ name: "", section: index, type: SymbolType.SECTION });
    this.#sectionSymbols.set(name, symbol);
    return symbol;
  }

  #symbol(name: string): SymbolHandle {
    const symbol = this.#symbols.get(name);
    if (symbol === undefined) throw this.#error(`'${name}' is referred to, but not a part of the object`);
    return symbol;
  }

  #error(problem: string): ObjectError {
    return new ObjectError(this.#spec.name, {}, problem);
  }
}

/** What records name besides the spec's own strings: sections and accesses. */
function* textsOf(spec: ObjectSpec): Generator<string> {
  yield ".text";
  for (const { sectionName, coreRelocations } of spec.programs.values()) {
    yield sectionName;
    yield `?${sectionName}`;
    for (const { access } of coreRelocations) yield access;
  }
}

const NO_BYTES = new Uint8Array(0);

/** Bytes that declarations of maps may have; each has some pointers. */
const MAX_DECLARATIONS = 1 << 24;

function endOf(variable: Variable | undefined): number {
  return variable === undefined ? 0 : variable.offset + variable.size;
}

interface Variable {
  readonly id: number;
  readonly name: string;
  readonly offset: number;
  readonly size: number;
}

function variablesOf(btf: NonNullable<WrittenTypes["btf"]>, datasec: number): Variable[] {
  const variables: Variable[] = [];
  for (let i = 0, count = btf.vlen(datasec); i < count; i++) {
    const id = btf.word(datasec, 3 + 3 * i);
    if (btf.kind(id) !== BtfKind.VAR) continue;
    const offset = btf.word(datasec, 4 + 3 * i);
    variables.push({ id, name: btf.name(id), offset, size: btf.word(datasec, 5 + 3 * i) });
  }
  return variables;
}

function isArena(map: MapSpec): boolean {
  return map.section !== null && !/^\.(data|rodata|bss|kconfig)(\.|$)/.test(map.section);
}
