import type { Endian } from "../../base/index.ts";
import type { BtfExt } from "../ext.ts";
import { mapBtfExt } from "../ext.ts";
import { mapStringOffsets, mapTypeIds, typeLength } from "../fields.ts";
import type { Btf } from "../model.ts";
import { StringMap, StringPool } from "../strings.ts";
import { ownSections, writeSections } from "../write.ts";
import { TypeGraph } from "./graph.ts";
import {
  compact,
  mergeComposites,
  mergePrimitives,
  mergeReferences,
  prepare,
  resolveForwards,
} from "./passes.ts";
import { CandidateTable } from "./table.ts";

export interface DeduplicateOptions {
  /** `.BTF.ext` data of the same BTF, to be rewritten with it. */
  readonly ext?: BtfExt;
  /** Byte order of the result; the source's without it. */
  readonly endian?: Endian;
  /**
   * Keeps the string section as it is, unused strings too: what libbpf does with BTF it built itself, whose strings
   * are unique. Without it, strings are merged, and those that nothing names are dropped.
   */
  readonly keepStrings?: boolean;
}

export interface Deduplicated {
  /** The BTF data; of split BTF, its own part. */
  readonly bytes: Uint8Array;
  /** New type ids by old ones, void and a base's types included. */
  readonly ids: Uint32Array;
  readonly ext: BtfExt | undefined;
}

/**
 * Merges types that several compilation units describe alike, resolves forward declarations and gives new ids:
 * the result of libbpf's `btf__dedup`. Split BTF is merged into its base, which stays as it is.
 *
 * Throws FormatError where a type refers to itself through no struct or union.
 */
export function deduplicate(btf: Btf, options: DeduplicateOptions = {}): Deduplicated {
  const tables = btf.tables();
  const words = tables.words.slice();
  const strings =
    options.keepStrings === true
      ? { bytes: ownSections(btf).strings, map: (offset: number) => offset }
      : mergeStrings(btf, words, options.ext);

  const graph = new TypeGraph(words, tables.index, btf.firstId);
  const table = new CandidateTable();
  prepare(graph, table);
  mergePrimitives(graph, table);
  mergeComposites(graph, table);
  resolveForwards(graph);
  mergeReferences(graph, table);
  const ids = compact(graph);

  return {
    bytes: writeSections(
      { words: canonicalTypes(graph, ids), strings: strings.bytes },
      options.endian ?? btf.endian,
    ),
    ids,
    ext:
      options.ext === undefined
        ? undefined
        : mapBtfExt(options.ext, { id: (id) => ids[id] ?? id, string: strings.map }),
  };
}

/** Rewrites the string offsets of all own types; offsets follow the order of first use, as libbpf's do. */
function mergeStrings(btf: Btf, words: Uint32Array, ext: BtfExt | undefined) {
  const { index, strings } = btf.tables();
  const origin = btf.base === null ? 0 : btf.base.stringEnd;
  const pool = new StringPool(btf.base === null ? null : StringPool.of(strings.subarray(0, origin)));
  const mapping = new StringMap(pool, strings, origin);
  const map = (offset: number) => mapping.map(offset);
  for (let id = btf.firstId; id < btf.count; id++) mapStringOffsets(words, index[id]!, map);
  // Strings that only .BTF.ext names come last.
  if (ext !== undefined) mapBtfExt(ext, { id: (id) => id, string: map });
  return { bytes: pool.finish(), map };
}

/** The own types that stay, one behind the other, with their new ids. */
function canonicalTypes(graph: TypeGraph, ids: Uint32Array): Uint32Array {
  const { words, index } = graph;
  let length = 0;
  for (let id = graph.firstId; id < graph.count; id++) {
    if (graph.canonical[id] === id) length += typeLength(words, index[id]!);
  }
  const out = new Uint32Array(length);
  let at = 0;
  for (let id = graph.firstId; id < graph.count; id++) {
    if (graph.canonical[id] !== id) continue;
    const from = index[id]!;
    const count = typeLength(words, from);
    out.set(words.subarray(from, from + count), at);
    mapTypeIds(out, at, (ref) => ids[ref]!);
    at += count;
  }
  return out;
}
