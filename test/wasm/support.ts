import { type FunctionBuilder, ModuleBuilder, type Signature } from "../../src/wasm/index.ts";

type Callable = (...args: (number | bigint)[]) => number | bigint | undefined;

/** Instantiates a module; exports are called with numbers (i32) and bigints (i64). */
export function instantiate(m: ModuleBuilder, imports: WebAssembly.Imports = {}): Record<string, Callable> {
  const module = new WebAssembly.Module(m.finish());
  return new WebAssembly.Instance(module, imports).exports as Record<string, Callable>;
}

/** A checked module with a memory of one page and one exported function. */
export function compile(signature: Signature, body: (f: FunctionBuilder) => void): Callable {
  const m = new ModuleBuilder({ check: true });
  m.memory({ min: 1, max: 4, shared: true });
  body(m.function("run", signature, { export: true }));
  return instantiate(m)["run"]!;
}
