import { BtfKind } from "../../src/btf/kinds.ts";
import type { Func, Local, ModuleBuilder } from "../../src/wasm/index.ts";
import { F } from "./c-formats.ts";
import type { Declarations } from "./declarations.ts";
import {
  body,
  both,
  bump,
  call,
  declare,
  during,
  either,
  eq,
  ltU,
  result,
  set,
  variables,
  when,
} from "./expressions.ts";
import { kindOf, kindOfType } from "./fields.ts";
import type { DumpMemory } from "./memory.ts";
import type { CParts } from "./parts.ts";

/**
 * Exports `kernel_function(id, fastcall)`, the declaration of a function that BPF programs may call, and `next_tag(id)`,
 * which finds what functions are tagged with.
 */
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
  m.export("kernel_function", f).export("next_tag", emitNextTag(m, memory));
}

/** `next_tag(id)`: the first DECL_TAG of a whole function from a type on; `count` where there is none. */
function emitNextTag(m: ModuleBuilder, memory: DumpMemory): Func {
  const { words, index, count } = memory;
  const f = declare(m, "next_tag", ["i32"], "i32");
  const [id] = f.params as [Local];
  const { at } = variables(f, "i32", "at");
  body(
    f,
    during(ltU(id, count), [
      set(at, index.at(id)),
      when(eq(kindOf(words.at(at, 1)), BtfKind.DECL_TAG), [
        when(both(eq(words.at(at, 3), -1), eq(kindOfType(memory, words.at(at, 2)), BtfKind.FUNC)), [
          result(id),
        ]),
      ]),
      bump(id, 1),
    ]),
    result(id),
  );
  return f;
}
