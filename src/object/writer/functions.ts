import { type Btf, BtfKind } from "../../btf/index.ts";
import { type Insn, isWide, lookup, Operation, WideKind } from "../../isa/index.ts";
import type { CoreRelocation, FuncInfo, LineInfo, ObjectSpec, ProgramSpec, Reference } from "../spec.ts";

/** A function as it goes into a section: code without what relocations will say, and its records, by its own slots. */
export interface WrittenFunction {
  readonly name: string;
  readonly global: boolean;
  readonly insns: readonly Insn[];
  readonly references: readonly Reference[];
  /** Slots that call or take the address of another function. */
  readonly calls: ReadonlyMap<number, WrittenFunction>;
  readonly funcInfo: readonly FuncInfo[];
  readonly lineInfo: readonly LineInfo[];
  readonly coreRelocations: readonly CoreRelocation[];
}

/** A program taken apart again into its entry function and its subprograms. */
export interface SplitProgram {
  readonly spec: ProgramSpec;
  readonly entry: WrittenFunction;
}

/**
 * Takes the programs of an object apart. A subprogram that several programs have is one function again where its type
 * and its code say that it is the same.
 */
export class FunctionSplitter {
  readonly #btf: Btf | null;
  readonly #known = new Map<string, WrittenFunction>();
  /** Subprograms in the order in which programs reach them. */
  readonly subprograms: WrittenFunction[] = [];

  constructor(spec: ObjectSpec) {
    this.#btf = spec.btf;
  }

  split(spec: ProgramSpec): SplitProgram {
    const starts = functionStarts(spec);
    const parts = starts.map((start, i) => partOf(spec, start, starts[i + 1] ?? spec.insns.length));
    const functions: WrittenFunction[] = [];
    const links: [Map<number, WrittenFunction>, Part][] = [];
    for (const [i, part] of parts.entries()) {
      const calls = new Map<number, WrittenFunction>();
      const typeId = part.funcInfo[0]?.typeId ?? 0;
      const isFunc = this.#btf !== null && typeId !== 0 && this.#btf.kind(typeId) === BtfKind.FUNC;
      const name = i === 0 ? spec.name : isFunc ? this.#btf!.name(typeId) : `${spec.name}_${i}`;
      const written: WrittenFunction = {
        name,
        global: i === 0 || (isFunc && this.#btf!.vlen(typeId) !== 0),
        insns: part.insns,
        references: part.references,
        calls,
        funcInfo: part.funcInfo,
        lineInfo: part.lineInfo,
        coreRelocations: part.coreRelocations,
      };
      const key = i === 0 || !isFunc ? null : this.#keyOf(written, part, parts);
      const known = key === null ? undefined : this.#known.get(key);
      functions.push(known ?? written);
      if (known !== undefined) continue;
      links.push([calls, part]);
      if (i > 0) this.subprograms.push(written);
      if (key !== null) this.#known.set(key, written);
    }
    for (const [calls, part] of links) {
      for (const [slot, target] of part.targets) calls.set(slot, functions[starts.indexOf(target)]!);
    }
    return { spec, entry: functions[0]! };
  }

  /** What two programs' copies of one function have in common: type, code, and the types of what it calls. */
  #keyOf(written: WrittenFunction, part: Part, parts: readonly Part[]): string {
    const callees = [...part.targets].map(([slot, target]) => [
      slot,
      parts.find((other) => other.start === target)?.funcInfo[0]?.typeId ?? target,
    ]);
    return JSON.stringify([written.funcInfo[0]!.typeId, written.insns, written.references, callees]);
  }
}

interface Part extends Omit<WrittenFunction, "name" | "global" | "calls"> {
  readonly start: number;
  /** Slots of the program where functions start, by the slots that refer to them. */
  readonly targets: ReadonlyMap<number, number>;
}

function functionStarts(spec: ProgramSpec): number[] {
  const starts = new Set([0]);
  for (const [slot, insn] of spec.insns.entries()) {
    if (lookup(insn)?.operation === Operation.callLocal) starts.add(slot + insn.imm + 1);
  }
  for (const reference of spec.references) if (reference.kind === "function") starts.add(reference.target);
  for (const { slot } of spec.funcInfo) starts.add(slot);
  return [...starts].sort((a, b) => a - b);
}

function partOf(spec: ProgramSpec, start: number, end: number): Part {
  const inside = <R extends { readonly slot: number }>(records: readonly R[]): R[] =>
    records
      .filter(({ slot }) => slot >= start && slot < end)
      .map((record) => ({ ...record, slot: record.slot - start }));
  const targets = new Map<number, number>();
  const insns = spec.insns.slice(start, end).map((insn, slot) => {
    const call = lookup(insn)?.operation === Operation.callLocal;
    if (!call && !(isWide(insn) && insn.src === WideKind.func)) return insn;
    targets.set(slot, start + slot + insn.imm + 1);
    return { ...insn, imm: call ? -1 : 0 };
  });
  return {
    start,
    insns,
    targets,
    references: inside(spec.references).filter((reference) => reference.kind !== "function"),
    funcInfo: inside(spec.funcInfo),
    lineInfo: inside(spec.lineInfo),
    coreRelocations: inside(spec.coreRelocations),
  };
}
