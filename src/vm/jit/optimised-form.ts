import {
  type Inlining,
  type IrFunction,
  irOf,
  isInlinable,
  Op,
  optimise,
  removeDead,
  type SlotCall,
  type Value,
} from "../../ir/index.ts";
import { BpfFuncId, Errno } from "../../uapi/index.ts";
import type { Callee } from "../emit-adapter.ts";
import { CODE_BASE_HIGH } from "../signatures.ts";
import { MAX_LOOPS } from "../state.ts";
import { callKnowledge, type KnownMaps, slotCallOf } from "./call-facts.ts";
import type { CodeFunction } from "./code-graph.ts";
import { bodyAt, type ProgramParts } from "./program-parts.ts";

/** Slots of a function: WebAssembly limits how many bytes one has. */
const MAX_OPTIMISED = 300_000;

const THROWS: SlotCall = { kind: "throw", args: ["wide"], result: "none" };

/** What `bpf_loop` makes of too many rounds: `inline_bpf_loop` sets the low half. */
const LOOP = { mostRounds: MAX_LOOPS, refusal: { low: -Errno.E2BIG, high: 0 } };

/** The functions of a program after all passes, callees in front of who inlines them. */
export class OptimisedForms {
  readonly #functions: ReadonlyMap<number, CodeFunction>;
  readonly #parts: ProgramParts;
  readonly #maps: KnownMaps;
  /** By first slot; null while one is being made, and for those that have no such form. */
  readonly #forms = new Map<number, IrFunction | null>();
  readonly #inlinable = new Map<IrFunction, boolean>();
  readonly #calls = new Map<number, SlotCall>();

  constructor(functions: readonly CodeFunction[], parts: ProgramParts, maps: KnownMaps) {
    this.#functions = new Map(functions.map((func) => [func.entry, func]));
    this.#parts = parts;
    this.#maps = maps;
  }

  /** The form of a function by its first slot; null where an instruction has no place in it. */
  of(entry: number): IrFunction | null {
    let form = this.#forms.get(entry);
    if (form === undefined) {
      // No function calls itself, but what nobody runs may look like it.
      this.#forms.set(entry, null);
      form = this.#make(this.#functions.get(entry)!);
      this.#forms.set(entry, form);
    }
    return form;
  }

  #make(func: CodeFunction): IrFunction | null {
    const { name, program, targets, catcher } = this.#parts;
    const { insns, rows } = program.graph;
    if (func.blocks.reduce((sum, { start, end }) => sum + end - start, 0) > MAX_OPTIMISED) return null;
    const ir = irOf({
      name,
      takes: func.entry === 0 ? "context" : "registers",
      // The exception callback has the main function's frame, and sees what is left there.
      sharesFrame: catcher > 0 && (func.entry === 0 || func.entry === catcher),
      insns,
      rows,
      blocks: func.blocks,
      graph: func.graph,
      call: (slot) => this.#call(slot),
      functionAddress: (slot) => ({
        low: targets.callback(slot + 1 + insns[slot]!.imm),
        high: CODE_BASE_HIGH,
      }),
    });
    if (ir === null) return null;
    optimise(
      ir,
      callKnowledge(this.#calleeOf, this.#maps, (func, call) => this.#inlining(func, call)),
    );
    // What may be inlined is counted and copied; what is emitted needs no pass for it.
    if (func.entry !== 0) removeDead(ir);
    return ir;
  }

  readonly #calleeOf = (slot: number): Callee => bodyAt(this.#parts, slot).callee;

  /** Asked for more than once. */
  #call(slot: number): SlotCall {
    let call = this.#calls.get(slot);
    if (call === undefined) {
      const { kind } = this.#parts.targetOf(slot);
      call = kind === "throw" ? THROWS : slotCallOf(this.#calleeOf(slot).callable, kind);
      this.#calls.set(slot, call);
    }
    return call;
  }

  #inlining(func: IrFunction, call: Value): Inlining | undefined {
    const imm = func.imm(call);
    if (func.op(call) === Op.callLocal) return this.#inlined(imm, null);
    if (this.#calleeOf(imm).number !== BpfFuncId.loop) return undefined;
    const [callback, flags] = [func.arg(call, 1), func.arg(call, 3)];
    if (!func.isConst(callback) || !func.isConstOf(flags, 0)) return undefined;
    const entry = this.#parts.callbacks.get(func.imm(callback));
    return entry === undefined ? undefined : this.#inlined(entry, LOOP);
  }

  #inlined(entry: number, loop: Inlining["loop"]): Inlining | undefined {
    const form = this.of(entry);
    if (form === null) return undefined;
    let inlinable = this.#inlinable.get(form);
    if (inlinable === undefined) {
      inlinable = isInlinable(form);
      this.#inlinable.set(form, inlinable);
    }
    return inlinable ? { form, loop } : undefined;
  }
}
