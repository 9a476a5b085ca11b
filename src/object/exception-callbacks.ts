import { type Btf, BtfKind } from "../btf/index.ts";
import type { ObjectFunction, ObjectFunctions } from "./functions.ts";
import type { ObjectFile } from "./object-file.ts";

const PREFIX = "exception_callback:";
const GLOBAL = 1;

/**
 * The functions that run where a program calls bpf_throw, by the programs' names: declaration tags
 * `exception_callback:NAME` on the programs say them (`bpf_prog_assign_exc_cb`). A program with several has none; the
 * kernel refuses it.
 */
export function exceptionCallbacks(
  file: ObjectFile,
  btf: Btf | null,
  functions: ObjectFunctions,
): Map<string, ObjectFunction> {
  const callbacks = new Map<string, ObjectFunction>();
  if (btf === null) return callbacks;
  const ambiguous = new Set<string>();
  for (let id = 1; id < btf.count; id++) {
    if (btf.kind(id) !== BtfKind.DECL_TAG || (btf.word(id, 3) | 0) !== -1) continue;
    const tag = btf.name(id);
    if (!tag.startsWith(PREFIX)) continue;
    const program = btf.ref(id);
    const place = { symbol: btf.name(program) };
    if (btf.kind(program) !== BtfKind.FUNC || btf.vlen(program) !== GLOBAL) {
      throw file.error(place, `expected the tag ${tag} on a program`);
    }
    const name = tag.slice(PREFIX.length);
    const found = functions.all.find((code) => code.subprogram && code.name === name);
    if (found === undefined)
      throw file.error(place, `expected an exception callback named '${name}' in .text, got none`);
    if (!found.global || found.hidden) {
      throw file.error(place, `expected the exception callback ${name} to be global and not hidden`);
    }
    if (callbacks.has(place.symbol)) ambiguous.add(place.symbol);
    callbacks.set(place.symbol, found);
  }
  for (const program of ambiguous) callbacks.delete(program);
  return callbacks;
}
