import type { Helper, Kfunc } from "../helpers/index.ts";
import { type Adapters, createAdapters } from "./adapters.ts";
import { type Body, createBody, createTailCall } from "./bodies.ts";
import type { Callee } from "./emit-adapter.ts";
import type { EngineInput } from "./engine.ts";
import type { BpfExecutor } from "./executor.ts";
import { FIRST_KFUNC } from "./state.ts";

type Mode = EngineInput["mode"];

/** The kfunc that the engine does itself. */
export const THROW = "bpf_throw";

/** Adapters of a table, and the numbers by which faults name what is in it. */
interface LoadedTable {
  readonly callees: readonly Callee[];
  readonly modes: Map<Mode, Adapters>;
}

/** The adapters of an executor, for each table of helpers or kfuncs that it was asked for. */
export class AdapterTables {
  readonly #executor: BpfExecutor;
  readonly #tables = new WeakMap<object, LoadedTable>();
  readonly #bodies = new WeakMap<object, Map<number, Body>>();
  readonly #kfuncs = new WeakMap<ReadonlyMap<string, Kfunc>, ReadonlyMap<string, number>>();
  #tailCall: unknown;

  constructor(executor: BpfExecutor) {
    this.#executor = executor;
  }

  /** Function index of the adapter of a helper; 0 where the table has none of this id. */
  helper(helpers: ReadonlyMap<number, Helper>, id: number, mode: Mode): number {
    if (!helpers.has(id)) return 0;
    const callees = () => [...helpers].map(([number, callable]) => ({ number, callable }));
    return this.#adapters(helpers, callees, mode).indexOf(id);
  }

  /** Function index of the adapter of a kfunc; 0 where the table has no body of this name. */
  kfunc(kfuncs: ReadonlyMap<string, Kfunc>, name: string, mode: Mode): number {
    const number = this.#numbers(kfuncs).get(name);
    if (number === undefined) return 0;
    const callees = () => [...kfuncs.keys()].flatMap((each) => this.kfuncCallee(kfuncs, each) ?? []);
    return this.#adapters(kfuncs, callees, mode).indexOf(number);
  }

  /** The body of something in a table of helpers or kfuncs. */
  body(table: object, callee: Callee): Body {
    let bodies = this.#bodies.get(table);
    if (bodies === undefined) {
      bodies = new Map();
      this.#bodies.set(table, bodies);
    }
    let body = bodies.get(callee.number);
    if (body === undefined) {
      body = createBody(this.#executor, callee);
      bodies.set(callee.number, body);
    }
    return body;
  }

  /** See `createTailCall`. */
  get tailCall(): unknown {
    return (this.#tailCall ??= createTailCall(this.#executor.table));
  }

  /** A kfunc with its number; null where the table has no body of it. */
  kfuncCallee(kfuncs: ReadonlyMap<string, Kfunc>, name: string): Callee | null {
    const kfunc = kfuncs.get(name);
    if (kfunc === undefined || kfunc.body.kind === "engine") return null;
    const { body, ...rest } = kfunc;
    return { number: this.#numbers(kfuncs).get(name)!, callable: { ...rest, body } };
  }

  #numbers(kfuncs: ReadonlyMap<string, Kfunc>): ReadonlyMap<string, number> {
    let numbers = this.#kfuncs.get(kfuncs);
    if (numbers === undefined) {
      numbers = new Map([...kfuncs.keys()].map((each, i) => [each, FIRST_KFUNC + i]));
      this.#kfuncs.set(kfuncs, numbers);
      for (const [each, number] of numbers) this.#executor.calleeNames.set(number, `kfunc ${each}`);
    }
    return numbers;
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
