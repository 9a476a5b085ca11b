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
  readonly bodies: Map<number, Body>;
}

/** The adapters of an executor, for each table of helpers or kfuncs that it was asked for. */
export class AdapterTables {
  readonly #executor: BpfExecutor;
  readonly #tables = new WeakMap<object, LoadedTable>();
  readonly #kfuncs = new WeakMap<ReadonlyMap<string, Kfunc>, ReadonlyMap<string, number>>();

  #tailCall: unknown;

  constructor(executor: BpfExecutor) {
    this.#executor = executor;
  }

  /** Function index of the adapter of a helper; 0 where the table has none of this id. */
  helper(helpers: ReadonlyMap<number, Helper>, id: number, mode: Mode): number {
    if (!helpers.has(id)) return 0;
    return this.#adapters(helpers, () => helperCallees(helpers), mode).indexOf(id);
  }

  /** The body of a helper that is in the table. */
  helperBody(helpers: ReadonlyMap<number, Helper>, id: number): Body {
    return this.#body(helpers, () => helperCallees(helpers), id);
  }

  /** Function index of the adapter of a kfunc; 0 where the table has no body of this name. */
  kfunc(kfuncs: ReadonlyMap<string, Kfunc>, name: string, mode: Mode): number {
    const number = this.#numbers(kfuncs).get(name);
    if (number === undefined) return 0;
    return this.#adapters(kfuncs, () => this.#kfuncCallees(kfuncs), mode).indexOf(number);
  }

  /** The body of a kfunc of a number that `kfuncCallee` gave. */
  kfuncBody(kfuncs: ReadonlyMap<string, Kfunc>, number: number): Body {
    return this.#body(kfuncs, () => this.#kfuncCallees(kfuncs), number);
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

  #kfuncCallees(kfuncs: ReadonlyMap<string, Kfunc>): Callee[] {
    return [...kfuncs.keys()].flatMap((each) => this.kfuncCallee(kfuncs, each) ?? []);
  }

  #loaded(table: object, callees: () => readonly Callee[]): LoadedTable {
    let loaded = this.#tables.get(table);
    if (loaded === undefined) {
      loaded = { callees: callees(), modes: new Map(), bodies: new Map() };
      this.#tables.set(table, loaded);
    }
    return loaded;
  }

  #body(table: object, callees: () => readonly Callee[], number: number): Body {
    const loaded = this.#loaded(table, callees);
    let body = loaded.bodies.get(number);
    if (body === undefined) {
      body = createBody(this.#executor, loaded.callees.find((callee) => callee.number === number)!);
      loaded.bodies.set(number, body);
    }
    return body;
  }

  #adapters(table: object, callees: () => readonly Callee[], mode: Mode): Adapters {
    const loaded = this.#loaded(table, callees);
    let adapters = loaded.modes.get(mode);
    if (adapters === undefined) {
      adapters = createAdapters(this.#executor, loaded.callees, mode);
      loaded.modes.set(mode, adapters);
    }
    return adapters;
  }
}

function helperCallees(helpers: ReadonlyMap<number, Helper>): Callee[] {
  return [...helpers].map(([number, callable]) => ({ number, callable }));
}
