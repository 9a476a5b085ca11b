import { MemoryImports } from "../mem/index.ts";
import { ModuleBuilder } from "../wasm/index.ts";
import { hostFunction } from "./adapters.ts";
import type { Callee } from "./emit-adapter.ts";
import { createEnvironment } from "./emit-environment.ts";
import { bodySignature } from "./emit-passing.ts";
import type { BpfExecutor } from "./executor.ts";
import { ENTRY_SIGNATURE, EXECUTOR_NAMESPACE } from "./signatures.ts";

/** The body of a helper or kfunc as a function that modules import. */
export interface Body {
  readonly func: unknown;
  /** It may leave a fault, or needs to know where the stack is free: a host body, or one that calls back. */
  readonly mayStop: boolean;
}

/**
 * The bodies of a table of helpers or kfuncs in an executor, as they are: what programs of verified code call without
 * an adapter between. The emitted ones share a module, so that no module of a program imports the function table: V8
 * keeps every instance that imports a table as long as the table is there.
 */
export function createBodies(executor: BpfExecutor, callees: readonly Callee[]): ReadonlyMap<number, Body> {
  const m = new ModuleBuilder({ name: "bodies" });
  const { memory } = executor;
  const imports = new MemoryImports(m, memory);
  const table = m.importTable(EXECUTOR_NAMESPACE, "table", { min: 1 });
  const environment = createEnvironment(m, { imports, table }, executor, false);
  const callingBack = new Set<number>();
  for (const { number, callable } of callees) {
    if (callable.body.kind === "host") continue;
    const note = () => callingBack.add(number);
    const func = m.function(callable.name, bodySignature(callable), { export: `b${number}` });
    callable.body.emit(func, {
      ...environment,
      onStack: (...args) => {
        note();
        environment.onStack(...args);
      },
      stopped: (f) => {
        note();
        environment.stopped(f);
      },
    });
  }
  const instance = new WebAssembly.Instance(new WebAssembly.Module(m.finish()), {
    ...memory.imports,
    [EXECUTOR_NAMESPACE]: { table: executor.table },
  });
  return new Map(
    callees.map((callee): [number, Body] => {
      const { number, callable } = callee;
      return callable.body.kind === "host"
        ? [number, { func: hostFunction(callee, executor.call), mayStop: true }]
        : [number, { func: instance.exports[`b${number}`], mayStop: callingBack.has(number) }];
    }),
  );
}

/** `(context, stack, function index) → r0`: goes on with a program, in place of the function that calls it so. */
export function createTailCall(table: WebAssembly.Table): unknown {
  const m = new ModuleBuilder({ name: "tail call" });
  const imported = m.importTable(EXECUTOR_NAMESPACE, "table", { min: 1 });
  const f = m.function(
    "tail_call",
    { params: [...ENTRY_SIGNATURE.params, "i32"], results: ENTRY_SIGNATURE.results },
    { export: true },
  );
  for (const param of f.params) f.get(param);
  f.returnCallIndirect(m.type(ENTRY_SIGNATURE), imported);
  const instance = new WebAssembly.Instance(new WebAssembly.Module(m.finish()), {
    [EXECUTOR_NAMESPACE]: { table },
  });
  return instance.exports["tail_call"];
}
