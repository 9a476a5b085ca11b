import { type Insn, lookup } from "../../isa/index.ts";
import { InsnAux } from "../environment/insn-aux.ts";
import { insnHasDef32 } from "../registers/zext.ts";
import { applyPatches, type Patch } from "./patch.ts";
import { prune } from "./prune.ts";

/** A function of the program as it is now. */
export interface StageFunction {
  start: number;
  /** Bytes of stack, with what fixups added. */
  depth: number;
  /** Number among the verifier's subprograms; -1 of one that fixups made. */
  readonly subprogram: number;
}

/**
 * A program between two passes: its slots, what the verifier knows of each, and where the slots that were given are
 * now. What it knows is never changed in place: the same facts serve both targets.
 */
export class Stage {
  insns: Insn[];
  aux: readonly InsnAux[];
  functions: StageFunction[];
  /** Slot given → slot now, the end included. */
  slotMap: Int32Array;
  readonly removed: Uint8Array;

  constructor(insns: readonly Insn[], aux: readonly InsnAux[], functions: StageFunction[]) {
    this.insns = [...insns];
    this.aux = aux;
    this.functions = functions;
    this.slotMap = Int32Array.from({ length: insns.length + 1 }, (_, slot) => slot);
    this.removed = new Uint8Array(insns.length);
  }

  /** The slot behind the last of a function. */
  end(index: number): number {
    return this.functions[index + 1]?.start ?? this.insns.length;
  }

  /** Puts patches in place (`bpf_patch_insn_data`, for each): the facts of an instruction go to the last of its patch. */
  apply(patches: readonly (Patch | undefined)[]): void {
    if (patches.length === 0) return;
    const { insns, slotMap } = applyPatches(this.insns, patches);
    const aux: InsnAux[] = [];
    for (let slot = 0; slot < this.insns.length; slot++) {
      const old = this.aux[slot]!;
      const next = slotMap[slot + 1]!;
      if (patches[slot] === undefined) aux.push(old);
      else {
        for (let at = slotMap[slot]!; at < next; at++) {
          const insn = insns[at]!;
          aux.push(patchedFacts(old, insnHasDef32(insn, lookup(insn)), at === next - 1));
        }
      }
    }
    this.#moved(insns, aux, slotMap);
  }

  /** Removes what never runs, and jumps that lead to the next instruction. */
  prune(): void {
    const { insns, slotMap, origins } = prune(this.insns, (slot) => this.aux[slot]!.seen !== 0);
    if (slotMap === null || origins === null) {
      this.insns = [...insns];
      return;
    }
    for (let slot = 0; slot < this.removed.length; slot++) {
      const now = this.slotMap[slot]!;
      if (slotMap[now] === slotMap[now + 1]) this.removed[slot] = 1;
    }
    const aux = Array.from(origins, (slot) => this.aux[slot]!);
    const kept = this.functions.filter(({ start }, i) => slotMap[start] !== slotMap[this.end(i)]);
    this.functions = kept;
    this.#moved([...insns], aux, slotMap);
  }

  /** A function behind all others. */
  append(insns: readonly Insn[]): void {
    this.functions.push({ start: this.insns.length, depth: 0, subprogram: -1 });
    this.insns.push(...insns);
    const seen = new InsnAux();
    seen.seen = 1;
    this.aux = [...this.aux, ...insns.map(() => seen)];
    const end = this.slotMap.length - 1;
    this.slotMap = this.slotMap.slice();
    this.slotMap[end] = this.insns.length;
  }

  #moved(insns: Insn[], aux: InsnAux[], slotMap: Int32Array): void {
    this.insns = insns;
    this.aux = aux;
    this.slotMap = this.slotMap.map((slot) => slotMap[slot]!);
    for (const each of this.functions) each.start = slotMap[each.start]!;
  }
}

/** `adjust_insn_aux_data` */
function patchedFacts(old: InsnAux, zextDst: boolean, last: boolean): InsnAux {
  const facts = last ? old.clone() : new InsnAux();
  facts.seen = old.seen;
  facts.zextDst = zextDst;
  return facts;
}
