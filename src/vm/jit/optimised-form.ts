import { type IrFunction, irOf, optimise, type SlotCall } from "../../ir/index.ts";
import { CODE_BASE_HIGH } from "../signatures.ts";
import { callKnowledge, type KnownMaps, slotCallOf } from "./call-facts.ts";
import type { CodeFunction } from "./code-graph.ts";
import { bodyAt, type ProgramParts } from "./program-parts.ts";

/** A function after all passes; null where an instruction has no place in the SSA form. */
export function optimisedForm(func: CodeFunction, parts: ProgramParts, maps: KnownMaps): IrFunction | null {
  const { graph } = parts.module;
  const { name, targets } = parts;
  if (func.blocks.reduce((sum, { start, end }) => sum + end - start, 0) > MAX_OPTIMISED) return null;
  // The exception callback sees the memory of the main function's frame.
  if (parts.catcher > 0 && (func.entry === 0 || func.entry === parts.catcher)) return null;
  const calleeOf = (slot: number) => bodyAt(parts, slot).callee;
  const calls = new Map<number, SlotCall>();
  const callAt = (slot: number): SlotCall => {
    const target = parts.targetOf(slot);
    return target.kind === "throw" ? THROWS : slotCallOf(calleeOf(slot).callable, target.kind);
  };
  const ir = irOf({
    name,
    insns: graph.insns,
    rows: graph.rows,
    blocks: func.blocks,
    graph: func.graph,
    // It is asked for more than once.
    call: (slot) => {
      const call = calls.get(slot) ?? callAt(slot);
      calls.set(slot, call);
      return call;
    },
    functionAddress: (slot) => ({
      low: targets.callback(slot + 1 + graph.insns[slot]!.imm),
      high: CODE_BASE_HIGH,
    }),
  });
  if (ir !== null) optimise(ir, callKnowledge(calleeOf, maps));
  return ir;
}

/** Slots of a function: Wasm limits how many locals one has, and V8 takes long for large ones. */
const MAX_OPTIMISED = 20_000;

const THROWS: SlotCall = { kind: "throw", args: [], result: "none" };
