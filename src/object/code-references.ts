import type { ElfRelocation, ElfSection, ElfSymbol } from "../elf/index.ts";
import { SymbolBinding, SymbolType } from "../elf/index.ts";
import { CallKind, type Insn, isWide, lookup, Operation } from "../isa/index.ts";
import type { ObjectFunction, ObjectFunctions } from "./functions.ts";
import type { PlacedMap } from "./map-spec.ts";
import { isExtern, type ObjectFile, RelocationType, symbolName } from "./object-file.ts";
import { ARENA_SECTION } from "./section-roles.ts";

/** What the instruction at a slot of a function refers to. */
export type CodeReference =
  | { readonly kind: "map"; readonly map: string }
  | { readonly kind: "mapValue"; readonly map: string; readonly offset: number }
  | { readonly kind: "extern"; readonly extern: number }
  /** A call, or the address, of the function at a slot of `.text`. */
  | { readonly kind: "call" | "function"; readonly slot: number };

export interface ReferenceTargets {
  readonly maps: readonly PlacedMap[];
  /** Indices of externs by symbol. */
  readonly externs: ReadonlyMap<number, number>;
}

/** The references of each function, by slot: what the relocations of its section say (`bpf_program__record_reloc`). */
export class CodeReferences {
  readonly #file: ObjectFile;
  readonly #targets: ReferenceTargets;
  readonly #text: ElfSection | undefined;
  readonly #byFunction = new Map<ObjectFunction, Map<number, CodeReference>>();
  readonly #mapsByPlace = new Map<string, PlacedMap>();
  readonly #dataMaps = new Map<number, PlacedMap>();
  readonly #arena: PlacedMap | undefined;

  constructor(file: ObjectFile, functions: ObjectFunctions, targets: ReferenceTargets) {
    this.#file = file;
    this.#targets = targets;
    this.#text = file.sections("code").find((section) => section.name === ".text");
    for (const map of targets.maps) {
      if (map.spec.section === ARENA_SECTION) this.#arena = map;
      if (map.spec.section === null || map.spec.section === ARENA_SECTION) {
        this.#mapsByPlace.set(`${map.section}:${map.offset}`, map);
      } else this.#dataMaps.set(map.section, map);
    }
    for (const section of file.sections("code")) {
      for (const relocation of file.relocationsOf(section)) this.#record(section, relocation, functions);
    }
  }

  /** What the instruction at a slot of the function (counted from its own start) refers to. */
  at(code: ObjectFunction, slot: number): CodeReference | undefined {
    return this.#byFunction.get(code)?.get(slot);
  }

  #record(section: ElfSection, relocation: ElfRelocation, functions: ObjectFunctions): void {
    const { offset, symbol } = relocation;
    if (offset % 8 !== 0) {
      throw this.#error(section, relocation, "expected a relocation of a whole instruction");
    }
    const code = functions.at(section, offset / 8);
    // Code that no symbol names: a weak function that another one replaced.
    if (code === undefined) return;
    const slot = offset / 8 - code.start;
    const insn = code.insns[slot]!;
    if (symbol === undefined) throw this.#error(section, relocation, "expected a relocation with a symbol");
    let references = this.#byFunction.get(code);
    if (references === undefined) this.#byFunction.set(code, (references = new Map()));
    references.set(slot, this.#resolve(section, relocation, symbol, insn));
  }

  #resolve(section: ElfSection, relocation: ElfRelocation, symbol: ElfSymbol, insn: Insn): CodeReference {
    const fail = (problem: string) => this.#error(section, relocation, problem);
    const call = isCall(insn);
    if (!call && !isWide(insn)) {
      throw fail(
        `expected a relocation of a call or a 64-bit immediate load, got ${lookup(insn)?.name ?? `opcode 0x${insn.opcode.toString(16)}`}`,
      );
    }
    const type = call ? RelocationType.R_64_32 : RelocationType.R_64_64;
    if (relocation.type !== type) {
      throw fail(
        `expected relocation type ${type} of a ${call ? "call" : "64-bit immediate load"}, got ${relocation.type}`,
      );
    }
    if (isExtern(symbol)) {
      const extern = this.#targets.externs.get(symbol.index);
      if (extern === undefined) throw fail("undefined: neither this object nor its BTF says what it is");
      return { kind: "extern", extern };
    }
    const target = symbol.section;
    if (target === undefined) {
      throw fail(
        `expected a symbol in a section, got one that is ${symbol.place}: was a variable left without a value?`,
      );
    }
    if (call) return this.#call(symbol, target, insn, fail);
    if (target === this.#text && isSubprogram(symbol)) return this.#functionAddress(symbol, insn, fail);
    return this.#data(symbol, target, insn, fail);
  }

  #call(symbol: ElfSymbol, target: ElfSection, insn: Insn, fail: (problem: string) => Error): CodeReference {
    if (insn.src !== CallKind.local) throw fail("expected the call of a function of this object");
    if (target !== this.#text) throw fail(`expected a function in .text, got one in section ${target.name}`);
    if (symbol.value % 8n !== 0n)
      throw fail(`expected a function at a whole instruction, got offset ${symbol.value}`);
    // clang: slots from the symbol, minus one. gcc: bytes from the section, minus one.
    if (this.#file.byGcc && insn.imm !== -1) {
      if ((insn.imm + 1) % 8 !== 0)
        throw fail(`expected a call of a whole instruction, got offset ${insn.imm + 1}`);
      return { kind: "call", slot: (insn.imm + 1) / 8 };
    }
    return { kind: "call", slot: Number(symbol.value) / 8 + insn.imm + 1 };
  }

  #functionAddress(symbol: ElfSymbol, insn: Insn, fail: (problem: string) => Error): CodeReference {
    const offset = this.#offset(symbol, insn);
    if (offset % 8 !== 0) throw fail(`expected the address of a function, got offset ${offset}`);
    return { kind: "function", slot: offset / 8 };
  }

  #data(symbol: ElfSymbol, target: ElfSection, insn: Insn, fail: (problem: string) => Error): CodeReference {
    const role = this.#file.role(target);
    if (role === "arena") {
      if (this.#arena === undefined)
        throw fail("expected the object to have an arena for its variables, got none");
      return { kind: "mapValue", map: this.#arena.key, offset: this.#offset(symbol, insn) };
    }
    const data = this.#dataMaps.get(target.index);
    if (data !== undefined) return { kind: "mapValue", map: data.key, offset: this.#offset(symbol, insn) };
    if (role !== "maps" && role !== "legacyMaps") {
      throw fail(
        role === "jumpTables"
          ? "jump tables are not supported"
          : `expected a map, a variable or a function, got a symbol in section ${target.name}`,
      );
    }
    const map = this.#mapsByPlace.get(`${target.index}:${symbol.value}`);
    if (map === undefined)
      throw fail(`expected a map at offset ${symbol.value} of section ${target.name}, got none`);
    return { kind: "map", map: map.key };
  }

  /**
   * Offset in the symbol's section: clang writes what is to be added to the symbol's value into the instruction. gcc 12
   * writes the whole; where what it wrote is less than the value, it is of one that adds, too.
   */
  #offset(symbol: ElfSymbol, insn: Insn): number {
    const value = Number(symbol.value);
    return this.#file.byGcc && insn.imm >= value ? insn.imm : value + insn.imm;
  }

  #error(section: ElfSection, { offset, symbol }: ElfRelocation, problem: string) {
    return this.#file.error({ section: section.name, symbol: symbolName(symbol), offset }, problem);
  }
}

function isCall(insn: Insn): boolean {
  const operation = lookup(insn)?.operation;
  return (
    operation === Operation.callHelper ||
    operation === Operation.callLocal ||
    operation === Operation.callKfunc
  );
}

/** `sym_is_subprog`: a section's symbol stands for its static functions. */
function isSubprogram(symbol: ElfSymbol): boolean {
  if (symbol.binding === SymbolBinding.LOCAL)
    return symbol.type === SymbolType.SECTION || symbol.type === SymbolType.FUNC;
  return symbol.type === SymbolType.FUNC;
}
