import { NotSupported } from "../../base/index.ts";
import type { Helper, Kfunc } from "../../helpers/index.ts";
import { lookup } from "../../isa/index.ts";
import { type Adapters, createAdapters } from "../adapters.ts";
import type { Callee } from "../emit-adapter.ts";
import type { CompiledProgram, Engine, EngineInput, Executor } from "../engine.ts";
import { BpfExecutor } from "../executor.ts";
import { EXECUTOR_NAMESPACE } from "../signatures.ts";
import { FIRST_KFUNC } from "../state.ts";
import { emitInterpreter } from "./emit-module.ts";
import type { InterpreterExports } from "./exports.ts";
import { InterpretedProgram } from "./interpreted-program.ts";
import { predecode } from "./predecode.ts";

type Mode = EngineInput["mode"];

/** Adapters of a table, and the numbers by which faults name what is in it. */
interface LoadedTable {
  readonly callees: readonly Callee[];
  readonly modes: Map<Mode, Adapters>;
}

/** The interpreter in one executor: a module for each mode, adapters for each table of helpers or kfuncs. */
class Loaded {
  readonly #executor: BpfExecutor;
  readonly #modes = new Map<Mode, InterpreterExports>();
  readonly #tables = new WeakMap<object, LoadedTable>();
  readonly #kfuncs = new WeakMap<ReadonlyMap<string, Kfunc>, ReadonlyMap<string, number>>();

  constructor(executor: BpfExecutor) {
    this.#executor = executor;
  }

  exports(mode: Mode): InterpreterExports {
    let exports = this.#modes.get(mode);
    if (exports === undefined) {
      exports = instantiate(this.#executor, mode);
      this.#modes.set(mode, exports);
    }
    return exports;
  }

  /** The adapter of a helper; 0 where the table has none of this id. */
  helper(helpers: ReadonlyMap<number, Helper>, id: number, mode: Mode): number {
    if (!helpers.has(id)) return 0;
    const callees = () => [...helpers].map(([number, callable]) => ({ number, callable }));
    return this.#adapters(helpers, callees, mode).indexOf(id);
  }

  /** The adapter of a kfunc; 0 where the table has no body of this name. */
  kfunc(kfuncs: ReadonlyMap<string, Kfunc>, name: string, mode: Mode): number {
    let numbers = this.#kfuncs.get(kfuncs);
    if (numbers === undefined) {
      numbers = new Map([...kfuncs.keys()].map((each, i) => [each, FIRST_KFUNC + i]));
      this.#kfuncs.set(kfuncs, numbers);
      for (const [each, number] of numbers) this.#executor.calleeNames.set(number, `kfunc ${each}`);
    }
    const number = numbers.get(name);
    if (number === undefined) return 0;
    const callees = () =>
      [...kfuncs.values()].flatMap(({ body, ...rest }) =>
        body.kind === "engine" ? [] : [{ number: numbers.get(rest.name)!, callable: { ...rest, body } }],
      );
    return this.#adapters(kfuncs, callees, mode).indexOf(number);
  }

  #adapters(table: object, callees: () => readonly Callee[], mode: Mode): Adapters {
    let loaded = this.#tables.get(table);
    if (loaded === undefined) {
      loaded = { callees: callees(), modes: new Map() };
      this.#tables.set(table, loaded);
    }
    let adapters = loaded.modes.get(mode);
    if (adapters === undefined) {
      adapters = createAdapters(this.#executor, loaded.callees, mode);
      loaded.modes.set(mode, adapters);
    }
    return adapters;
  }
}

/** The interpreter: emitted Wasm that dispatches over predecoded records. */
export class Interpreter implements Engine {
  readonly name = "interp";
  readonly #loaded = new WeakMap<Executor, Loaded>();

  /** @throws CodeError for code that is not well-formed or calls what does not exist. */
  compile(input: EngineInput, executor: Executor): CompiledProgram {
    if (!(executor instanceof BpfExecutor)) throw new NotSupported("executors of another engine");
    const loaded = this.#of(executor);
    const exports = loaded.exports(input.mode);
    const program = new InterpretedProgram(executor, exports, input.insns.length, input.arena ?? 0);
    try {
      const helper = (id: number) => loaded.helper(input.helpers, id, input.mode);
      program.load(
        predecode(input, {
          helper: (id) => adapterTarget(helper(id)),
          kfunc: (slot) => {
            const name = input.kfuncOfSlot?.get(slot);
            const kfunc = name === undefined ? undefined : input.kfuncs?.get(name);
            if (kfunc === undefined) return null;
            if (kfunc.body.kind === "engine") return kfunc.name === THROW ? "throw" : null;
            return adapterTarget(loaded.kfunc(input.kfuncs!, kfunc.name, input.mode));
          },
          callback: (slot) => program.callback(slot),
        }),
      );
      if (input.insns.some((insn) => lookup(insn)?.name.startsWith("callx"))) program.callThrough(helper);
    } catch (error) {
      program.close();
      throw error;
    }
    return program;
  }

  #of(executor: BpfExecutor): Loaded {
    let loaded = this.#loaded.get(executor);
    if (loaded === undefined) {
      loaded = new Loaded(executor);
      this.#loaded.set(executor, loaded);
    }
    return loaded;
  }
}

/** The kfunc that the engine does itself. */
const THROW = "bpf_throw";

function adapterTarget(index: number): { readonly index: number; readonly argument: number } | null {
  return index === 0 ? null : { index, argument: 0 };
}

/** The emitted interpreter of an executor. */
export function instantiate(executor: BpfExecutor, mode: Mode): InterpreterExports {
  const { memory } = executor;
  const place = {
    checked: mode === "checked",
    stateAt: executor.stateAt,
    stackLow: executor.stackLow,
    stackEnd: executor.stackEnd,
    framesAt: executor.framesAt,
    framesEnd: executor.framesEnd,
    executor: executor.id,
  };
  const module = new WebAssembly.Module(emitInterpreter(place, memory));
  const instance = new WebAssembly.Instance(module, {
    ...memory.imports,
    [EXECUTOR_NAMESPACE]: {
      table: executor.table,
      callThrough: (window: number, low: number, high: number) => executor.callThrough(window, low, high),
      callHost: (window: number, argument: number) => executor.callHost(window, argument),
    },
  });
  return instance.exports as unknown as InterpreterExports;
}
