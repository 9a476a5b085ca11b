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
 * The body of a helper or kfunc in an executor, as it is: what verified code calls without an adapter between. An
 * emitted one has a module of its own, which all programs share, so that no module of a program imports the function
 * table: V8 keeps every instance that imports a table as long as the table is there.
 */
export function createBody(executor: BpfExecutor, callee: Callee): Body {
  const { body, name } = callee.callable;
  if (body.kind === "host") return { func: hostFunction(callee, executor.call), mayStop: true };
  const m = new ModuleBuilder({ name });
  const { memory } = executor;
  const imports = new MemoryImports(m, memory);
  const table = m.importTable(EXECUTOR_NAMESPACE, "table", { min: 1 });
  const environment = createEnvironment(m, { imports, table }, executor, false);
  let mayStop = false;
  const func = m.function(name, bodySignature(callee.callable), { export: "body" });
  body.emit(func, {
    ...environment,
    onStack: (...args) => {
      mayStop = true;
      environment.onStack(...args);
    },
    stopped: (f) => {
      mayStop = true;
      environment.stopped(f);
    },
  });
  const instance = new WebAssembly.Instance(new WebAssembly.Module(m.finish()), {
    ...memory.imports,
    [EXECUTOR_NAMESPACE]: { table: executor.table },
  });
  return { func: instance.exports["body"], mayStop };
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
