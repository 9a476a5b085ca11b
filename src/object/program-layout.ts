import type { ElfSection } from "../elf/index.ts";
import { CallKind, type Insn, isWide, lookup, Operation, WideKind } from "../isa/index.ts";
import type { CodeRecords } from "./code-records.ts";
import type { CodeReference, CodeReferences } from "./code-references.ts";
import type { ObjectFunction, ObjectFunctions } from "./functions.ts";
import type { ObjectFile } from "./object-file.ts";
import { programKind } from "./program-kind.ts";
import type { CoreRelocation, ExternSpec, FuncInfo, LineInfo, ProgramSpec, Reference } from "./spec.ts";

/** The kernel's limit for one program (`BPF_COMPLEXITY_LIMIT_INSNS`). */
const MAX_PROGRAM = 1_000_000;

/** Slots and records that all programs of an object may have together: subprograms are in each that reaches them. */
const MAX_TOTAL = 1 << 23;

export interface LayoutParts {
  readonly file: ObjectFile;
  readonly functions: ObjectFunctions;
  /** The section that subprograms are in. */
  readonly text: ElfSection | undefined;
  readonly references: CodeReferences;
  readonly records: CodeRecords;
  readonly externs: readonly ExternSpec[];
  /** The function that runs where a program throws, by the program's name. */
  readonly exceptionCallbacks: ReadonlyMap<string, ObjectFunction>;
}

/** Makes programs of functions: code, references and records of the entry function and of all that it reaches. */
export class ProgramLayouts {
  readonly #parts: LayoutParts;
  #budget = MAX_TOTAL;

  constructor(parts: LayoutParts) {
    this.#parts = parts;
  }

  lay(entry: ObjectFunction): ProgramSpec {
    const layout = new ProgramLayout(this.#parts, entry);
    this.#budget -= layout.cost;
    if (this.#budget < 0) {
      const place = { section: entry.section.name, symbol: entry.name };
      throw this.#parts.file.error(
        place,
        `expected programs of ${MAX_TOTAL} instructions and records together, got more`,
      );
    }
    return layout.spec();
  }
}

/** A function whose references are being resolved, and how far that got. */
interface Visit {
  readonly code: ObjectFunction;
  /** Where it is in the program. */
  readonly start: number;
  slot: number;
}

/**
 * One program, laid out as libbpf does (`bpf_object__reloc_code`): a subprogram's code is appended when the first
 * reference to it is met, and its own references are followed before the next of the function that has it.
 */
class ProgramLayout {
  readonly #parts: LayoutParts;
  readonly #entry: ObjectFunction;
  readonly #insns: Insn[] = [];
  readonly #starts = new Map<ObjectFunction, number>();
  readonly #references: Reference[] = [];
  readonly #coreRelocations: CoreRelocation[] = [];
  readonly #funcInfo: FuncInfo[] = [];
  readonly #lineInfo: LineInfo[] = [];

  constructor(parts: LayoutParts, entry: ObjectFunction) {
    this.#parts = parts;
    this.#entry = entry;
    this.#follow(entry);
    const callback = parts.exceptionCallbacks.get(entry.name);
    if (callback !== undefined && !this.#starts.has(callback)) this.#follow(callback);
  }

  /** What the layout takes, in slots and records. */
  get cost(): number {
    return (
      this.#insns.length + this.#lineInfo.length + this.#coreRelocations.length + this.#references.length
    );
  }

  spec(): ProgramSpec {
    const { name, section } = this.#entry;
    return {
      name,
      sectionName: section.name.startsWith("?") ? section.name.slice(1) : section.name,
      kind: programKind(section.name),
      insns: this.#insns,
      references: this.#references.sort((a, b) => a.slot - b.slot),
      coreRelocations: this.#coreRelocations,
      funcInfo: this.#funcInfo,
      lineInfo: this.#lineInfo,
      autoload: !section.name.startsWith("?"),
    };
  }

  /** Appends a function and, depth first, all that it reaches; without recursion, as chains of calls may be long. */
  #follow(code: ObjectFunction): void {
    const stack: Visit[] = [this.#append(code)];
    for (let visit = stack[stack.length - 1]; visit !== undefined; visit = stack[stack.length - 1]) {
      const next = this.#resolve(visit);
      if (next === undefined) stack.pop();
      else stack.push(this.#append(next));
    }
  }

  #append(code: ObjectFunction): Visit {
    const start = this.#insns.length;
    if (start + code.insns.length > MAX_PROGRAM) {
      throw this.#error(code, 0, `expected a program of at most ${MAX_PROGRAM} instructions, got more`);
    }
    this.#starts.set(code, start);
    for (const insn of code.insns) this.#insns.push(insn);
    this.#addRecords(code, start);
    return { code, start, slot: 0 };
  }

  #addRecords(code: ObjectFunction, start: number): void {
    const { records } = this.#parts;
    for (const record of records.coreRelocations(code, start)) this.#coreRelocations.push(record);
    // Without records of the entry function those of others are of no use to the kernel.
    const isEntry = code === this.#entry;
    if (isEntry || this.#funcInfo.length > 0) {
      const funcInfo = records.funcInfo(code, start);
      if (!isEntry && funcInfo.length === 0)
        throw this.#error(code, 0, "expected a function record in .BTF.ext, got none");
      for (const record of funcInfo) this.#funcInfo.push(record);
    }
    if (isEntry || this.#lineInfo.length > 0) {
      for (const record of records.lineInfo(code, start)) this.#lineInfo.push(record);
    }
  }

  /** Goes on through a function's references; returns the function that has to be appended first. */
  #resolve(visit: Visit): ObjectFunction | undefined {
    const { code, start } = visit;
    for (; visit.slot < code.insns.length; visit.slot++) {
      const slot = visit.slot;
      const insn = code.insns[slot]!;
      const reference = this.#parts.references.at(code, slot);
      const target = this.#functionOf(code, slot, insn, reference);
      if (target !== undefined) {
        const at = this.#starts.get(target);
        if (at === undefined) return target;
        this.#refer(start + slot, insn, at);
      } else if (reference !== undefined) this.#blank(start + slot, insn, reference);
      if (isWide(insn)) visit.slot++;
    }
    return undefined;
  }

  /** The function that an instruction calls or takes the address of. */
  #functionOf(
    code: ObjectFunction,
    slot: number,
    insn: Insn,
    reference: CodeReference | undefined,
  ): ObjectFunction | undefined {
    const { functions, text } = this.#parts;
    if (reference !== undefined) {
      if (reference.kind !== "call" && reference.kind !== "function") return undefined;
      const found = text === undefined ? undefined : functions.at(text, reference.slot);
      if (found === undefined)
        throw this.#error(code, slot, `expected a function at slot ${reference.slot} of .text, got none`);
      return found;
    }
    if (isWide(insn) && insn.src === WideKind.func) {
      throw this.#error(code, slot, "expected a relocation that says whose address this is, got none");
    }
    if (lookup(insn)?.operation !== Operation.callLocal) return undefined;
    // A call inside one section needs no relocation: it is relative to its own place there.
    const at = code.start + slot + insn.imm + 1;
    const found = code.subprogram ? functions.at(code.section, at) : undefined;
    if (found === undefined) {
      throw this.#error(
        code,
        slot,
        `expected the call of a function in .text, got slot ${at} of ${code.section.name}`,
      );
    }
    return found;
  }

  #refer(slot: number, insn: Insn, target: number): void {
    const imm = target - slot - 1;
    if (!isWide(insn)) {
      this.#insns[slot] = { ...insn, imm };
      return;
    }
    this.#insns[slot] = { ...insn, src: WideKind.func, imm };
    this.#insns[slot + 1] = { ...this.#insns[slot + 1]!, imm: 0 };
    this.#references.push({ kind: "function", slot, target });
  }

  /** Clears what the compiler wrote where the loader will write. */
  #blank(slot: number, insn: Insn, reference: CodeReference): void {
    if (isWide(insn)) {
      this.#insns[slot] = { ...insn, src: WideKind.imm, imm: 0 };
      this.#insns[slot + 1] = { ...this.#insns[slot + 1]!, imm: 0 };
    } else this.#insns[slot] = { ...insn, src: CallKind.kfunc, off: 0, imm: 0 };
    switch (reference.kind) {
      case "map":
      case "mapValue":
      case "extern":
        this.#references.push({ ...reference, slot });
    }
  }

  #error(code: ObjectFunction, slot: number, problem: string) {
    const place = { section: code.section.name, symbol: code.name, offset: (code.start + slot) * 8 };
    return this.#parts.file.error(place, `program ${this.#entry.name}: ${problem}`);
  }
}
