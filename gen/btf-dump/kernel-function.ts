import type { Local, ModuleBuilder } from "../../src/wasm/index.ts";
import { F } from "./c-formats.ts";
import type { Declarations } from "./declarations.ts";
import { body, call, declare, either, set, variables } from "./expressions.ts";
import type { CParts } from "./parts.ts";

/** Exports `kernel_function(id, fastcall)`: the declaration of a function that BPF programs may call. */
export function emitKernelFunction(
  m: ModuleBuilder,
  { memory, lines }: CParts,
  declarations: Declarations,
): void {
  const { words, index } = memory;
  const f = declare(m, "kernel_function", ["i32", "i32"]);
  const [id, fastcall] = f.params as [Local, Local];
  const { at } = variables(f, "i32", "at");
  body(
    f,
    set(at, index.at(id)),
    lines.line(either(fastcall, F.externFastcall, F.extern)),
    call(declarations.declare, words.at(at, 2), at, 1, 0),
    lines.line(F.weakKsym),
  );
  m.export("kernel_function", f);
}
