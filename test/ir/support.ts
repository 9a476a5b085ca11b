import { assemble } from "../../src/asm/index.ts";
import { createHelpers } from "../../src/helpers/index.ts";
import {
  type CallKnowledge,
  type IrFunction,
  irOf,
  isInlinable,
  Op,
  optimise,
  removeDead,
} from "../../src/ir/index.ts";
import { createMap } from "../../src/maps/index.ts";
import { addressOf, createKernelMemory } from "../../src/mem/index.ts";
import { defaultLayout } from "../../src/platform/index.ts";
import { BpfFuncId, BpfMapType } from "../../src/uapi/index.ts";
import { callKnowledge, KnownMaps, slotCallOf } from "../../src/vm/jit/call-facts.ts";
import { CodeGraph } from "../../src/vm/jit/code-graph.ts";

/** Maps that texts name as `%cells ll`. */
const MAPS = [
  { name: "cells", type: BpfMapType.ARRAY, keySize: 4, valueSize: 24, maxEntries: 10 },
  { name: "counts", type: BpfMapType.PERCPU_ARRAY, keySize: 4, valueSize: 8, maxEntries: 2 },
  { name: "table", type: BpfMapType.HASH, keySize: 8, valueSize: 16, maxEntries: 10 },
] as const;

export interface IrCase {
  readonly func: IrFunction;
  /** What the JIT tells passes of helpers and maps. */
  readonly knowledge: CallKnowledge;
}

/** The main function of a program in the kernel's assembly text, in SSA form as it was written. */
export function irOfText(text: string): IrCase {
  const memory = createKernelMemory({ maximumPages: 64 });
  const layout = defaultLayout();
  const environment = { memory, cpus: 2, bpfMapSize: layout.sizeOf("bpf_map"), random: () => 5 };
  const offsets = new Map<string, number>();
  for (const { name, ...attributes } of MAPS) {
    const storage = createMap(environment, { ...attributes, flags: 0 });
    if (typeof storage === "number") throw new Error(`map ${name}: ${storage}`);
    offsets.set(name, storage.offset);
  }
  const code = text.replaceAll(/%(\w+)/g, (_, name: string) => `${addressOf(offsets.get(name)!)}`);
  const { insns } = assemble(code);
  const graph = new CodeGraph("test", insns);
  const helpers = createHelpers(layout);
  const calleeOf = (slot: number) => {
    const number = insns[slot]!.imm;
    return { number, callable: helpers.get(number)! };
  };
  const formOf = (entry: number): IrFunction => {
    const { blocks, graph: cfg } = graph.function(entry);
    const func = irOf({
      name: entry === 0 ? "test" : `test@${entry}`,
      takes: "registers",
      sharesFrame: false,
      insns,
      rows: graph.rows,
      blocks,
      graph: cfg,
      call: (slot) =>
        slotCallOf(calleeOf(slot).callable, insns[slot]!.imm === TAIL_CALL ? "tailCall" : "call"),
      functionAddress: (slot) => ({ low: slot + 1 + insns[slot]!.imm, high: -1 }),
    });
    if (func === null) throw new Error("an instruction has no place in the SSA form");
    return func;
  };
  const knowledge = callKnowledge(calleeOf, new KnownMaps(memory, offsets.values()), (func, call) => {
    const [op, imm] = [func.op(call), func.imm(call)];
    const isLoop = op === Op.call && calleeOf(imm).number === BpfFuncId.loop;
    if (op !== Op.callLocal && !isLoop) return undefined;
    const form = formOf(isLoop ? func.imm(func.arg(call, 1)) : imm);
    optimise(form, knowledge);
    removeDead(form);
    return isInlinable(form) ? { form, loop: isLoop ? LOOP : null } : undefined;
  });
  return { func: formOf(0), knowledge };
}

const LOOP = { mostRounds: 8 << 20, refusal: { low: -7, high: 0 } };

const TAIL_CALL = 12;
