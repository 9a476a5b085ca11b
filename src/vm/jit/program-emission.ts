import type { Func } from "../../wasm/index.ts";
import { CodeError } from "../code-error.ts";
import type { CodeImageFunction } from "../engine.ts";
import { CodeGraph } from "./code-graph.ts";
import { emitFunction } from "./emit-function.ts";
import { emitIrFunction } from "./emit-ir.ts";
import { functionsThatStop } from "./functions-that-stop.ts";
import type { ModuleCode } from "./module-code.ts";
import { OptimisedForms } from "./optimised-form.ts";
import { ProgramCode } from "./program-code.ts";
import type { ProgramInput } from "./program-input.ts";
import type { ProgramParts } from "./program-parts.ts";
import type { CallTarget, CallTargets } from "./targets.ts";

/** Slots of all programs that one module takes in for its tail calls. */
const MAX_LINKED_SLOTS = 8192;

/** What is found out of a program while it is emitted. */
interface Emitted {
  readonly throws: boolean;
  /** First slots of the functions whose addresses it takes. */
  readonly callbacks: Iterable<number>;
  /** See `ProgramParts`. */
  readonly mayStop: ReadonlySet<number>;
  readonly functions: readonly CodeImageFunction[];
}

/** The functions of a program while they are emitted to a module. */
export class ProgramEmission {
  readonly program: ProgramCode;
  readonly #input: ProgramInput;
  readonly #targets: CallTargets;
  readonly #programs: ProgramsOfModule;
  #throws = false;

  /** Declares the functions. */
  constructor(input: ProgramInput, targets: CallTargets, programs: ProgramsOfModule) {
    const { name, insns, exceptionCallback, codeAt, arena } = input;
    this.#input = input;
    this.#targets = targets;
    this.#programs = programs;
    const graph = new CodeGraph(name, insns, {
      more: exceptionCallback > 0 ? [exceptionCallback] : [],
      throws: input.throws,
    });
    this.program = new ProgramCode(programs.module, { graph, codeAt, arena });
    for (const entry of [...graph.entries].sort((a, b) => a - b)) this.program.declare(name, entry);
    programs.add(this);
  }

  /** What tail calls of verified code go on with. */
  get main(): Func {
    return this.program.functions.get(0)!;
  }

  emit(): Emitted {
    const { name, exceptionCallback, optimised } = this.#input;
    const { graph, functions } = this.program;
    const targets = this.#targets;
    const callbacks = new Map<number, number>();
    const shapes = [...functions.keys()].map((entry) => graph.function(entry));
    const mayStop = functionsThatStop(graph, shapes);
    const parts: ProgramParts = {
      name,
      program: this.program,
      targets: {
        tailCall: targets.tailCall,
        callback: (entry) => {
          const index = targets.callback(entry);
          callbacks.set(index, entry);
          return index;
        },
      },
      counting: this.#input.counting,
      catcher: exceptionCallback,
      mayStop,
      targetOf: (slot) => this.#targetOf(slot),
      linked: (index) => this.#programs.link(index, targets),
      callbacks,
      maps: optimised,
    };
    const forms = optimised === null ? null : new OptimisedForms(shapes, parts, optimised);
    const emissions = shapes.map((func) => ({ func, ir: forms?.of(func.entry) ?? null }));
    for (const { func, ir } of emissions) {
      const f = functions.get(func.entry)!;
      if (ir === null) emitFunction(f, func, parts);
      else emitIrFunction(f, ir, parts);
    }
    return {
      throws: this.#throws,
      callbacks: callbacks.values(),
      mayStop,
      functions: [...functions].map(([slot, { marks }]) => ({ slot, marks })),
    };
  }

  #targetOf(slot: number): CallTarget {
    const { name, insns } = this.#input;
    const { imm } = insns[slot]!;
    const isHelper = this.program.graph.rows[slot]!.name === "call_helper";
    const target = isHelper ? this.#targets.helper(imm) : this.#targets.kfunc(slot);
    if (target === null) {
      const what = isHelper ? "helper" : "kfunc";
      throw new CodeError(name, slot, `expected a ${what} that exists, got ${what} ${imm}`);
    }
    if (target.kind === "throw") this.#throws = true;
    return target;
  }
}

/**
 * The programs of a module: the one it is made for, and those that stand in it as well because its tail calls go on
 * with them now. A direct call to code of the same module takes half the time of one through the table.
 */
export class ProgramsOfModule {
  readonly module: ModuleCode;
  /** By their `codeAt`. */
  readonly #emissions = new Map<number, ProgramEmission>();
  readonly #linked = new Map<number, ProgramEmission>();
  readonly #waiting: ProgramEmission[] = [];
  #slots = 0;

  constructor(module: ModuleCode) {
    this.module = module;
  }

  add(emission: ProgramEmission): void {
    this.#emissions.set(emission.program.codeAt, emission);
  }

  /** Function indices of the programs that were linked. */
  get linked(): readonly number[] {
    return [...this.#linked.keys()];
  }

  /** The main function of the program with a function index, where its code can stand in this module. */
  link(index: number, targets: CallTargets): Func | null {
    const known = this.#linked.get(index);
    if (known !== undefined) return known.main;
    const linkable = targets.linkable(index);
    if (linkable === null) return null;
    const { input } = linkable;
    let emission = this.#emissions.get(input.codeAt);
    if (emission === undefined) {
      if (this.#slots + input.insns.length > MAX_LINKED_SLOTS) return null;
      this.#slots += input.insns.length;
      emission = new ProgramEmission(input, linkable.targets, this);
      this.#waiting.push(emission);
    }
    this.#linked.set(index, emission);
    return emission.main;
  }

  /** Emits what was linked, and what that links. */
  emitLinked(): void {
    for (let next = this.#waiting.pop(); next !== undefined; next = this.#waiting.pop()) next.emit();
  }
}
