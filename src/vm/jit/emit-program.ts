import type { Insn } from "../../isa/index.ts";
import type { MemoryKind } from "../../mem/index.ts";
import { CodeError } from "../code-error.ts";
import type { CodeImageFunction } from "../engine.ts";
import type { ExecutorPlace } from "../place.ts";
import { Activations } from "./activations.ts";
import type { KnownMaps } from "./call-facts.ts";
import { CodeGraph } from "./code-graph.ts";
import { emitFunction } from "./emit-function.ts";
import { emitIrFunction } from "./emit-ir.ts";
import { functionsThatStop } from "./functions-that-stop.ts";
import { ModuleCode } from "./module-code.ts";
import { OptimisedForms } from "./optimised-form.ts";
import type { ProgramParts } from "./program-parts.ts";
import type { CallTarget, CallTargets } from "./targets.ts";

export interface ProgramInput {
  readonly name: string;
  readonly insns: readonly Insn[];
  readonly checked: boolean;
  /** See `EngineInput`. */
  readonly exceptionCallback: number;
  readonly arena: number;
  /** Offset that names the program where callbacks are looked up. */
  readonly codeAt: number;
  /** Maps whose addresses are in the code: functions go through the SSA form then. Null: straight from instructions. */
  readonly optimised: KnownMaps | null;
}

export interface ProgramModule {
  readonly bytes: Uint8Array;
  /** What it imports from `EXECUTOR_NAMESPACE`. */
  readonly imports: ReadonlyMap<string, unknown>;
  /** The program's functions, which are the first that the module defines. */
  readonly functions: readonly CodeImageFunction[];
}

/**
 * The module of a program. Exports `start` (see `emitStart`), `entry(context, stack) →
 * r0`, and `callbackN(r1 … r5) → r0` for each function whose address the program takes, where N is its first slot.
 */
export function emitProgram(
  input: ProgramInput,
  place: ExecutorPlace,
  kind: MemoryKind,
  targets: CallTargets,
  check = false,
): ProgramModule {
  const { name, checked, exceptionCallback } = input;
  const graph = new CodeGraph(name, input.insns, exceptionCallback > 0 ? [exceptionCallback] : []);
  const { arena, codeAt } = input;
  const module = new ModuleCode(name, { place, kind, checked, graph, arena, codeAt, check });
  const callbacks = new Map<number, number>();
  let throws = false;
  const targetOf = (slot: number): CallTarget => {
    const { imm } = input.insns[slot]!;
    const isHelper = graph.rows[slot]!.name === "call_helper";
    const target = isHelper ? targets.helper(imm) : targets.kfunc(slot);
    if (target === null) {
      const what = isHelper ? "helper" : "kfunc";
      throw new CodeError(name, slot, `expected a ${what} that exists, got ${what} ${imm}`);
    }
    if (target.kind === "throw") throws = true;
    return target;
  };
  const callback = (entry: number): number => {
    const index = targets.callback(entry);
    callbacks.set(index, entry);
    return index;
  };
  const entries = [...graph.entries].sort((a, b) => a - b);
  const functions = entries.map((entry) => graph.function(entry));
  for (const { entry } of functions) {
    const f = module.m.function(entry === 0 ? name : `${name}@${entry}`, module.functionSignature(entry));
    module.functions.set(entry, f);
  }
  const parts: ProgramParts = {
    name,
    module,
    targets: { tailCall: targets.tailCall, callback },
    catcher: exceptionCallback,
    mayStop: functionsThatStop(graph, functions),
    targetOf,
    callbacks,
    maps: input.optimised,
  };
  const forms = input.optimised === null ? null : new OptimisedForms(functions, parts, input.optimised);
  const emissions = functions.map((func) => ({ func, ir: forms?.of(func.entry) ?? null }));
  for (const { func, ir } of emissions) {
    const f = module.functions.get(func.entry)!;
    if (ir === null) emitFunction(f, func, parts);
    else emitIrFunction(f, ir, parts);
  }
  new Activations(module, {
    catcher: exceptionCallback,
    throws,
    stops: checked || parts.mayStop.has(0),
  }).emit(new Set(callbacks.values()));
  return {
    bytes: module.m.finish(),
    imports: module.imports,
    functions: entries.map((entry) => ({ slot: entry, marks: module.functions.get(entry)!.marks })),
  };
}
