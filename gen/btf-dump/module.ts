import { utf8 } from "../../src/base/index.ts";
import { CONSTANTS, CONSTANTS_END } from "../../src/btf/dump/dump-memory.ts";
import { ModuleBuilder, type ModuleOptions } from "../../src/wasm/index.ts";
import { emitBounds } from "./bounds.ts";
import { C_FORMATS, F } from "./c-formats.ts";
import { emitDeclarations } from "./declarations.ts";
import { emitDefinitions, type KnownNames } from "./definitions.ts";
import { emitKernelFunction } from "./kernel-function.ts";
import { emitLayout } from "./layout.ts";
import { emitLines, emitOutput } from "./lines.ts";
import { Constants, importMemory } from "./memory.ts";
import { emitNames } from "./names.ts";
import { emitOrder } from "./order.ts";
import type { CParts } from "./parts.ts";
import { emitQueue } from "./queue.ts";
import { emitRaw } from "./raw.ts";
import { emitSort } from "./sort.ts";
import { emitTags } from "./tags.ts";

/**
 * The module that dumps the types in a memory as C: what `DumpExports` of `src/btf/dump/dump-code.ts` says. It imports from
 * `host` the memory, `flush(address, length)`, and the addresses and numbers of `dump-memory.ts`.
 */
export function emitDumpModule(options: ModuleOptions = {}): Uint8Array {
  const m = new ModuleBuilder({ names: false, ...options });
  const constants = new Constants(m, CONSTANTS, CONSTANTS_END);
  const memory = importMemory(m);
  const flush = m.importFunction("host", "flush", { params: ["i32", "i32"] });
  const bounds = emitBounds(m);
  const output = emitOutput(m, memory, flush);
  const lines = emitLines(m, memory, output, constants, C_FORMATS, "");
  const names = emitNames(m, memory);
  const layout = emitLayout(m, memory);
  const tags = emitTags(m, memory, lines, output, names);
  const parts: CParts = { memory, bounds, output, lines, names, layout, tags };
  const order = emitOrder(m, memory, bounds);
  emitSort(m, memory, order);
  const declarations = emitDeclarations(m, parts);
  const define = emitDefinitions(m, parts, declarations, placeNames(constants));
  emitQueue(m, memory, define, order.markReferenced, output);
  emitKernelFunction(m, parts, declarations);
  emitRaw(m, memory, output, constants);
  return m.finish();
}

function placeNames(constants: Constants): KnownNames {
  const place = (name: string): number => constants.place(utf8(`${name}\0`));
  return {
    vaList: place("__builtin_va_list"),
    gnucVaList: place("__gnuc_va_list"),
    aliases: [
      [place("__Poly8_t"), F.poly8],
      [place("__Poly16_t"), F.poly16],
      [place("__Poly64_t"), F.poly64],
      [place("__Poly128_t"), F.poly128],
    ],
  };
}
