import type { HelperCall } from "../helpers/index.ts";
import { MemoryImports } from "../mem/index.ts";
import { type Func, ModuleBuilder, type Signature } from "../wasm/index.ts";
import { type AdapterParts, type Callee, emitAdapter } from "./emit-adapter.ts";
import { emitArgumentTests } from "./emit-argument-tests.ts";
import { createEnvironment } from "./emit-environment.ts";
import type { BpfExecutor } from "./executor.ts";
import { EXECUTOR_NAMESPACE } from "./signatures.ts";

/** How programs reach helpers and kfuncs: by the function index of an adapter. */
export interface Adapters {
  /** The adapter of a callee; 0 where there is none of this number. */
  indexOf(number: number): number;
}

/** One module with the adapters of a table of helpers or kfuncs, instantiated in an executor. */
export function createAdapters(
  executor: BpfExecutor,
  callees: readonly Callee[],
  mode: "verified" | "checked",
): Adapters {
  const m = new ModuleBuilder({ name: `adapters, ${mode}` });
  const { memory } = executor;
  const imports = new MemoryImports(m, memory);
  const table = m.importTable(EXECUTOR_NAMESPACE, "table", { min: 1 });
  const hostFunctions: Record<string, unknown> = {
    table: executor.table,
    ownsCallback: (window: number, index: number) => executor.ownsCallback(window, index),
  };
  const environment = createEnvironment(m, { imports, table }, executor, mode === "checked");
  const parts: AdapterParts = {
    environment,
    stateAt: executor.stateAt,
    tests: mode === "checked" ? emitArgumentTests(m, imports, executor) : null,
    host(callee: Callee, signature: Signature): Func {
      const name = `host${callee.number}`;
      hostFunctions[name] = hostFunction(callee, executor.call);
      return m.importFunction(EXECUTOR_NAMESPACE, name, signature);
    },
  };
  for (const callee of callees) emitAdapter(m, callee, parts);
  const instance = new WebAssembly.Instance(new WebAssembly.Module(m.finish()), {
    ...memory.imports,
    [EXECUTOR_NAMESPACE]: hostFunctions,
  });
  const indices = new Map<number, number>();
  for (const { number } of callees) {
    const index = executor.indices.allocate();
    executor.install(index, instance.exports[`h${number}`]);
    indices.set(number, index);
  }
  return { indexOf: (number) => indices.get(number) ?? 0 };
}

type Body = (call: HelperCall, ...args: number[]) => number;

/** A body bound to the executor's call, with exactly as many parameters as Wasm passes: no rest array on each call. */
export function hostFunction({ callable }: Callee, call: HelperCall): (...args: number[]) => number {
  if (callable.body.kind !== "host") throw new Error(`${callable.name} has no host body`);
  const body: Body = callable.body.call;
  const words = callable.args.reduce((count, kind) => count + (kind === "i64" ? 2 : 1), 0);
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
