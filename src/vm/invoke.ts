import { type Local, ModuleBuilder } from "../wasm/index.ts";
import { emitPointer } from "./emit-pointer.ts";
import { CALLBACK_SIGNATURE, EXECUTOR_NAMESPACE } from "./signatures.ts";

/** `(function index, pointer, pointer, pointer) → 1 | 0`: whether a callback returned something else than 0. */
export type Invoke = (index: number, first: number, second: number, third: number) => number;

/** A function by which host code calls subprograms back, without 64-bit values in JavaScript. */
export function createInvoke(table: WebAssembly.Table): Invoke {
  const m = new ModuleBuilder({ name: "invoke" });
  const imported = m.importTable(EXECUTOR_NAMESPACE, "table", { min: 1 });
  const i32 = "i32";
  const f = m.function("invoke", { params: [i32, i32, i32, i32], results: [i32] }, { export: true });
  const [index, ...pointers] = f.params as [Local, ...Local[]];
  for (const pointer of pointers) {
    emitPointer(f, pointer);
  }
  f.i64.const(0).i64.const(0).get(index).callIndirect(m.type(CALLBACK_SIGNATURE), imported);
  f.i64.eqz().i32.eqz();
  const instance = new WebAssembly.Instance(new WebAssembly.Module(m.finish()), {
    [EXECUTOR_NAMESPACE]: { table },
  });
  return instance.exports["invoke"] as Invoke;
}
