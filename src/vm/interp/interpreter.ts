import { NotSupported } from "../../base/index.ts";
import type { Helper } from "../../helpers/index.ts";
import { lookup } from "../../isa/index.ts";
import { type Adapters, createAdapters } from "../adapters.ts";
import type { CompiledProgram, Engine, EngineInput, Executor } from "../engine.ts";
import { BpfExecutor } from "../executor.ts";
import { EXECUTOR_NAMESPACE } from "../signatures.ts";
import { emitInterpreter } from "./emit-module.ts";
import type { InterpreterExports } from "./exports.ts";
import { InterpretedProgram } from "./interpreted-program.ts";
import { predecode } from "./predecode.ts";

type Mode = EngineInput["mode"];

/** The interpreter in one executor: a module for each mode, adapters for each helper table. */
class Loaded {
  readonly #executor: BpfExecutor;
  readonly #modes = new Map<Mode, InterpreterExports>();
  readonly #adapters = new WeakMap<ReadonlyMap<number, Helper>, Map<Mode, Adapters>>();

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

  adapters(helpers: ReadonlyMap<number, Helper>, mode: Mode): Adapters {
    let modes = this.#adapters.get(helpers);
    if (modes === undefined) {
      modes = new Map();
      this.#adapters.set(helpers, modes);
    }
    let adapters = modes.get(mode);
    if (adapters === undefined) {
      adapters = createAdapters(this.#executor, helpers, mode);
      modes.set(mode, adapters);
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
    const program = new InterpretedProgram(executor, exports, input.insns.length);
    try {
      const adapter = (id: number) => {
        if (!input.helpers.has(id)) return null;
        return { index: loaded.adapters(input.helpers, input.mode).indexOf(id), argument: 0 };
      };
      program.load(predecode(input, { helper: adapter, callback: (slot) => program.callback(slot) }));
      if (input.insns.some((insn) => lookup(insn)?.name.startsWith("callx"))) {
        program.callThrough((id) => adapter(id)?.index ?? 0);
      }
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
