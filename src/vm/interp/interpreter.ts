import { NotSupported } from "../../base/index.ts";
import { lookup } from "../../isa/index.ts";
import { AdapterTables, THROW } from "../adapter-tables.ts";
import type { CompiledProgram, Engine, EngineInput, Executor } from "../engine.ts";
import { BpfExecutor } from "../executor.ts";
import { placeOf } from "../place.ts";
import { EXECUTOR_NAMESPACE } from "../signatures.ts";
import { emitInterpreter } from "./emit-module.ts";
import type { InterpreterExports } from "./exports.ts";
import { InterpretedProgram } from "./interpreted-program.ts";
import { predecode } from "./predecode.ts";

type Mode = EngineInput["mode"];

/** The interpreter in one executor: a module for each mode, and adapters. */
class Loaded {
  readonly adapters: AdapterTables;
  readonly #executor: BpfExecutor;
  readonly #modes = new Map<Mode, InterpreterExports>();

  constructor(executor: BpfExecutor) {
    this.#executor = executor;
    this.adapters = new AdapterTables(executor);
  }

  exports(mode: Mode): InterpreterExports {
    let exports = this.#modes.get(mode);
    if (exports === undefined) {
      exports = instantiate(this.#executor, mode);
      this.#modes.set(mode, exports);
    }
    return exports;
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
      const helper = (id: number) => loaded.adapters.helper(input.helpers, id, input.mode);
      program.load(
        predecode(input, {
          helper: (id) => adapterTarget(helper(id)),
          kfunc: (slot) => {
            const name = input.kfuncOfSlot?.get(slot);
            const kfunc = name === undefined ? undefined : input.kfuncs?.get(name);
            if (kfunc === undefined) return null;
            if (kfunc.body.kind === "engine") return kfunc.name === THROW ? "throw" : null;
            return adapterTarget(loaded.adapters.kfunc(input.kfuncs!, kfunc.name, input.mode));
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

function adapterTarget(index: number): { readonly index: number; readonly argument: number } | null {
  return index === 0 ? null : { index, argument: 0 };
}

/** The emitted interpreter of an executor. */
export function instantiate(executor: BpfExecutor, mode: Mode): InterpreterExports {
  const { memory } = executor;
  const place = { checked: mode === "checked", ...placeOf(executor) };
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
