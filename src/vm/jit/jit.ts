import { NotSupported } from "../../base/index.ts";
import { lookup } from "../../isa/index.ts";
import { AdapterTables, THROW } from "../adapter-tables.ts";
import { TAIL_CALL } from "../emit-adapter.ts";
import type { CompiledProgram, Engine, EngineInput, Executor } from "../engine.ts";
import { BpfExecutor } from "../executor.ts";
import { KnownMaps } from "./call-facts.ts";
import { JitProgram } from "./jit-program.ts";
import type { CallTarget, Reached } from "./targets.ts";

/** The JIT: each program becomes a WebAssembly module. */
export class Jit implements Engine {
  readonly name = "jit";
  readonly #adapters = new WeakMap<Executor, AdapterTables>();
  readonly #optimises: boolean;

  constructor(options: { readonly optimise?: boolean } = {}) {
    this.#optimises = options.optimise ?? true;
  }

  /** @throws CodeError for code that is not well-formed or calls what does not exist. */
  compile(input: EngineInput, executor: Executor): CompiledProgram {
    if (!(executor instanceof BpfExecutor)) throw new NotSupported("executors of another engine");
    const adapters = this.#of(executor);
    const checked = input.mode === "checked";
    const program = new JitProgram(executor);
    const helper = (id: number) => adapters.helper(input.helpers, id, input.mode);
    try {
      program.load(
        {
          name: input.name,
          insns: input.insns,
          checked,
          exceptionCallback: input.exceptionCallback ?? 0,
          arena: input.arena ?? 0,
          optimised:
            checked || !this.#optimises ? null : new KnownMaps(executor.memory, input.mapOfSlot.values()),
        },
        {
          helper: (_, id) => {
            const callable = input.helpers.get(id);
            if (callable === undefined) return null;
            const via = checked ? adapterOf(helper(id)) : bodyOf({ number: id, callable });
            return { kind: id === TAIL_CALL ? "tailCall" : "call", via };
          },
          kfunc: (slot) => kfuncTarget(input, slot, adapters),
        },
      );
      if (input.insns.some((insn) => lookup(insn)?.name.startsWith("callx"))) program.callThrough(helper);
    } catch (error) {
      program.close();
      throw error;
    }
    return program;
  }

  #of(executor: BpfExecutor): AdapterTables {
    let adapters = this.#adapters.get(executor);
    if (adapters === undefined) {
      adapters = new AdapterTables(executor);
      this.#adapters.set(executor, adapters);
    }
    return adapters;
  }
}

function kfuncTarget(input: EngineInput, slot: number, adapters: AdapterTables): CallTarget | null {
  const { kfuncs } = input;
  const name = input.kfuncOfSlot?.get(slot);
  const kfunc = name === undefined ? undefined : kfuncs?.get(name);
  if (kfuncs === undefined || kfunc === undefined) return null;
  if (kfunc.body.kind === "engine") return kfunc.name === THROW ? { kind: "throw" } : null;
  if (input.mode === "checked")
    return { kind: "call", via: adapterOf(adapters.kfunc(kfuncs, kfunc.name, input.mode)) };
  const callee = adapters.kfuncCallee(kfuncs, kfunc.name);
  return callee === null ? null : { kind: "call", via: bodyOf(callee) };
}

function adapterOf(index: number): Reached {
  return { kind: "adapter", index, argument: 0 };
}

function bodyOf(callee: (Reached & { kind: "body" })["callee"]): Reached {
  return { kind: "body", callee };
}
