import type { EmitEnvironment, Helper, HelperCall } from "../helpers/index.ts";
import { Control, MemoryImports } from "../mem/index.ts";
import { type Func, ModuleBuilder, type Signature } from "../wasm/index.ts";
import { type AdapterParts, emitAdapter } from "./emit-adapter.ts";
import { emitArgumentTests } from "./emit-argument-tests.ts";
import type { BpfExecutor } from "./executor.ts";
import { EXECUTOR_NAMESPACE } from "./signatures.ts";
import { State } from "./state.ts";

/** How programs reach helpers: by the function index of an adapter. */
export interface Adapters {
  /** The adapter of a helper; 0 where the table has none of this number. */
  indexOf(id: number): number;
}

/** One module with the adapters of a helper table, instantiated in an executor. */
export function createAdapters(
  executor: BpfExecutor,
  helpers: ReadonlyMap<number, Helper>,
  mode: "verified" | "checked",
): Adapters {
  const m = new ModuleBuilder({ name: `helpers, ${mode}` });
  const { memory } = executor;
  const imports = new MemoryImports(m, memory);
  const table = m.importTable(EXECUTOR_NAMESPACE, "table", { min: 1 });
  const hostFunctions: Record<string, unknown> = {
    table: executor.table,
    ownsCallback: (window: number, index: number) => executor.ownsCallback(window, index),
  };
  const environment: EmitEnvironment = {
    type: (signature) => m.type(signature),
    table,
    memory: imports,
    checked: mode === "checked",
    cpu: (f) => f.i32.const(0).i32.load(executor.stateAt + State.CPU),
    context: (f) => f.i32.const(0).i32.load(executor.stateAt + State.CONTEXT),
    stopped: (f) =>
      f.i32
        .const(0)
        .i32.load(executor.stateAt + State.FAULT)
        .i32.const(0)
        .i32.load(Control.INTERRUPT)
        .i32.or(),
  };
  const parts: AdapterParts = {
    environment,
    stateAt: executor.stateAt,
    tests: mode === "checked" ? emitArgumentTests(m, imports, executor) : null,
    host(helper: Helper, signature: Signature): Func {
      const name = `host${helper.id}`;
      hostFunctions[name] = hostFunction(helper, executor.call);
      return m.importFunction(EXECUTOR_NAMESPACE, name, signature);
    },
  };
  for (const helper of helpers.values()) emitAdapter(m, helper, parts);
  const instance = new WebAssembly.Instance(new WebAssembly.Module(m.finish()), {
    ...memory.imports,
    [EXECUTOR_NAMESPACE]: hostFunctions,
  });
  const indices = new Map<number, number>();
  for (const { id } of helpers.values()) {
    const index = executor.indices.allocate();
    executor.install(index, instance.exports[`h${id}`]);
    indices.set(id, index);
  }
  return { indexOf: (id) => indices.get(id) ?? 0 };
}

type Body = (call: HelperCall, ...args: number[]) => number;

/** A body bound to the executor's call, with exactly as many parameters as Wasm passes: no rest array on each call. */
function hostFunction(helper: Helper, call: HelperCall): (...args: number[]) => number {
  if (helper.body.kind !== "host") throw new Error(`helper ${helper.name} has no host body`);
  const body: Body = helper.body.call;
  const words = helper.args.reduce((count, kind) => count + (kind === "i64" ? 2 : 1), 0);
  switch (words) {
    case 0:
      return () => body(call);
    case 1:
      return (a) => body(call, a!);
    case 2:
      return (a, b) => body(call, a!, b!);
    case 3:
      return (a, b, c) => body(call, a!, b!, c!);
    case 4:
      return (a, b, c, d) => body(call, a!, b!, c!, d!);
    case 5:
      return (a, b, c, d, e) => body(call, a!, b!, c!, d!, e!);
    case 6:
      return (a, b, c, d, e, g) => body(call, a!, b!, c!, d!, e!, g!);
    case 7:
      return (a, b, c, d, e, g, h) => body(call, a!, b!, c!, d!, e!, g!, h!);
    case 8:
      return (a, b, c, d, e, g, h, i) => body(call, a!, b!, c!, d!, e!, g!, h!, i!);
    default:
      return (...args) => body(call, ...args);
  }
}
