import { hexOf } from "../../../src/base/index.ts";
import {
  Btf,
  decodeValue,
  deduplicate,
  dumpC,
  dumpRawJson,
  dumpRawText,
  JsonWriter,
  writeBtf,
  writeValue,
} from "../../../src/btf/index.ts";
import { btfData, splitBtf } from "../btf-seeds.ts";
import { mutateBytes } from "../bytes-mutator.ts";
import { attempt, demand } from "../oracle.ts";
import { mutateParts, packParts, unpackParts } from "../parts.ts";
import type { Target } from "../target.ts";

/** Values are decoded of this many types of an input, with its first bytes as the data. */
const VALUES = 40;
const VALUE_BYTES = 512;
const LONGEST_DUMP = 256 * 1024 * 1024;

/** BTF data: types, values, dumps, deduplication, and what is written again. */
export const btf: Target = {
  name: "btf",
  corpus: btfData,
  mutate: mutateBytes,
  run(input) {
    const types = Btf.parse(input);
    walk(types, input.length);
    const data = input.subarray(0, VALUE_BYTES);
    for (let id = 0; id < Math.min(types.count, VALUES); id++) {
      attempt(input.length, () => decodeValue(types, id, data));
      attempt(input.length, () => writeValue(types, id, data, new JsonWriter(), { plain: id % 2 === 0 }));
    }
    dump(types, input.length);
    const again = Btf.parse(writeBtf(types, { endian: types.endian === "little" ? "big" : "little" }));
    demand(rawText(types) === rawText(again), "the types differ once written in the other byte order");
    merge(types, input.length);
  },
};

/** Split BTF on a base, both from strangers. */
export const splitTypes: Target = {
  name: "split-btf",
  corpus: () => btfData().map((base) => packParts([base, splitBtf(Btf.parse(base))])),
  mutate: (random, corpus) => mutateParts(random, corpus, 2),
  run(input) {
    const [baseData, splitData] = unpackParts(input, 2);
    const base = Btf.parse(baseData!);
    const split = Btf.parse(splitData!, { base });
    walk(split, input.length);
    dump(split, input.length);
    merge(split, input.length);
  },
};

function walk(types: Btf, size: number): void {
  for (let id = 0; id < types.count; id++) {
    demand(types.type(id).id === id, "a type has another id");
    types.name(id);
    attempt(size, () => types.sizeOf(id));
    attempt(size, () => types.alignOf(id));
  }
}

function dump(types: Btf, size: number): void {
  let bytes = 0;
  const sink = (chunk: Uint8Array) => {
    bytes += chunk.length;
    demand(bytes <= LONGEST_DUMP, "a dump has no end");
  };
  dumpRawText(types, sink);
  attempt(size, () => dumpRawJson(types, sink));
  for (const options of [{}, { sorted: false, bpftool: "7.1" }] as const) {
    attempt(size, () => dumpC(types, sink, options));
  }
}

function merge(types: Btf, size: number): void {
  const merged = attempt(size, () => deduplicate(types));
  if (merged === undefined) return;
  const result = Btf.parse(merged.bytes, types.base === null ? {} : { base: types.base });
  demand(result.count <= types.count, "deduplication adds types");
  for (let id = 0; id < types.count; id++) {
    demand(result.has(merged.ids[id]!), () => `type ${id} became ${merged.ids[id]} of ${result.count}`);
  }
}

function rawText(types: Btf): string {
  let text = "";
  dumpRawText(types, (chunk) => {
    text += hexOf(chunk.subarray(0, 256)) + chunk.length;
  });
  return text;
}
