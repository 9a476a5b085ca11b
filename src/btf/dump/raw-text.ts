import type { Btf } from "../model.ts";
import type { ByteSink } from "./byte-sink.ts";
import { instantiateDump } from "./dump-code.ts";

/**
 * Writes types as `bpftool btf dump` prints them: `[1] INT 'int' size=4 bits_offset=0 nr_bits=32 encoding=SIGNED`.
 * Without a list of ids, all types that are the BTF's own and not its base's. Throws FormatError for an id that is
 * not one of the BTF.
 */
export function dumpRawText(btf: Btf, sink: ByteSink, ids?: readonly number[]): void {
  const { exports } = instantiateDump(btf, { enumModes: true, attributes: true }, sink);
  if (ids === undefined) exports.raw_from(btf.firstId);
  else {
    for (const id of ids) {
      if (!btf.has(id)) throw btf.error(0, `expected a type id below ${btf.count}, got ${id}`);
      exports.raw(id);
    }
  }
  exports.finish();
}
