import type { MemoryKind } from "../../mem/index.ts";
import type { CodeImageFunction } from "../engine.ts";
import type { ExecutorPlace } from "../place.ts";
import { Activations } from "./activations.ts";
import { ModuleCode } from "./module-code.ts";
import { ProgramEmission, ProgramsOfModule } from "./program-emission.ts";
import type { ProgramInput } from "./program-input.ts";
import type { CallTargets } from "./targets.ts";

export interface ProgramModule {
  readonly bytes: Uint8Array;
  /** What it imports from `EXECUTOR_NAMESPACE`. */
  readonly imports: ReadonlyMap<string, unknown>;
  /** The program's functions, which are the first that the module defines. */
  readonly functions: readonly CodeImageFunction[];
  /** Whether it calls `bpf_throw`. */
  readonly throws: boolean;
  /** Function indices of the programs whose code stands in the module, too, for its tail calls. */
  readonly linked: readonly number[];
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
  const module = new ModuleCode(name, { place, kind, checked, check });
  const programs = new ProgramsOfModule(module);
  const main = new ProgramEmission(input, targets, programs);
  const { throws, callbacks, mayStop, functions } = main.emit();
  programs.emitLinked();
  new Activations(main.program, {
    catcher: exceptionCallback,
    throws,
    stops: checked || mayStop.has(0),
  }).emit(new Set(callbacks));
  return { bytes: module.m.finish(), imports: module.imports, functions, throws, linked: programs.linked };
}
