import { FormatError } from "../../base/index.ts";
import { mapTypeIds, typeLength } from "../fields.ts";
import { BtfKind, isComposite, isEnum } from "../kinds.ts";
import { Equivalence } from "./equivalence.ts";
import { type TypeGraph, UNMAPPED } from "./graph.ts";
import {
  compatibleEnums,
  equalComposite,
  equalExact,
  equalHead,
  hashExact,
  hashShallow,
  isEnumForward,
} from "./signature.ts";
import type { CandidateTable } from "./table.ts";

/** The passes of `btf__dedup`, in its order; each leaves more of `graph.canonical` filled in. */

/** VARs and DATASECs are never merged; the base's types are candidates from the start. */
export function prepare(graph: TypeGraph, table: CandidateTable): void {
  const { words, index, canonical } = graph;
  for (let id = 1; id < graph.count; id++) {
    const kind = graph.kind(id);
    const at = index[id]!;
    if (kind === BtfKind.VAR || kind === BtfKind.DATASEC) canonical[id] = id;
    else if (id < graph.firstId) {
      const shallow = isComposite(kind) || isEnum(kind) || kind === BtfKind.TYPEDEF;
      table.add(shallow ? hashShallow(words, at) : hashExact(words, at), id);
    }
  }
}

/** INT, ENUM, ENUM64, FWD and FLOAT refer to nothing: equal ones are the same type. */
export function mergePrimitives(graph: TypeGraph, table: CandidateTable): void {
  const { words, index, canonical } = graph;
  for (let id = graph.firstId; id < graph.count; id++) {
    const kind = graph.kind(id);
    const at = index[id]!;
    let hash: number;
    let found = id;
    if (isEnum(kind)) {
      hash = hashShallow(words, at);
      found = mergeEnum(graph, table, id, hash);
    } else if (kind === BtfKind.INT || kind === BtfKind.FWD || kind === BtfKind.FLOAT) {
      hash = hashExact(words, at);
      for (let entry = table.first(hash); entry >= 0; entry = table.next(entry)) {
        if (equalExact(words, at, index[table.id(entry)]!)) {
          found = table.id(entry);
          break;
        }
      }
    } else continue;
    canonical[id] = found;
    if (found === id) table.add(hash, id);
  }
}

/** The canonical type for an enum; a forward declaration that was canonical before gives way to the full enum. */
function mergeEnum(graph: TypeGraph, table: CandidateTable, id: number, hash: number): number {
  const { words, index, canonical } = graph;
  const at = index[id]!;
  for (let entry = table.first(hash); entry >= 0; entry = table.next(entry)) {
    const candidate = table.id(entry);
    const other = index[candidate]!;
    if (equalExact(words, at, other)) return candidate;
    if (!isEnum(graph.kind(candidate)) || !compatibleEnums(words, at, other)) continue;
    if (isEnumForward(words, at)) return candidate;
    canonical[candidate] = id;
  }
  return id;
}

/** STRUCT, UNION and TYPEDEF are merged where the graphs below them are equivalent. */
export function mergeComposites(graph: TypeGraph, table: CandidateTable): void {
  const { words, index, canonical } = graph;
  const equivalence = new Equivalence(graph);
  for (let id = graph.firstId; id < graph.count; id++) {
    const kind = graph.kind(id);
    if (!isComposite(kind) && kind !== BtfKind.TYPEDEF) continue;
    if (graph.isMapped(id)) continue;
    const at = index[id]!;
    const equal = kind === BtfKind.TYPEDEF ? equalHead : equalComposite;
    const hash = hashShallow(words, at);
    let found = id;
    for (let entry = table.first(hash); entry >= 0; entry = table.next(entry)) {
      const candidate = table.id(entry);
      if (!equal(words, at, index[candidate]!) || !equivalence.check(id, candidate)) continue;
      equivalence.merge();
      if (equivalence.adjustsBase) continue;
      found = candidate;
      break;
    }
    canonical[id] = found;
    if (found === id) table.add(hash, id);
  }
}

/** A forward declaration whose name only one struct or union has is that one. */
export function resolveForwards(graph: TypeGraph): void {
  const { words, index, canonical } = graph;
  const named = new Map<number, number>();
  for (let id = 1; id < graph.count; id++) {
    if (!isComposite(graph.kind(id)) || canonical[id] !== id) continue;
    const name = words[index[id]!]!;
    named.set(name, named.has(name) ? 0 : id);
  }
  for (let id = graph.firstId; id < graph.count; id++) {
    if (graph.kind(id) !== BtfKind.FWD || canonical[id] !== id) continue;
    const target = named.get(words[index[id]!]!) ?? 0;
    if (target === 0) continue;
    const wanted = words[index[id]! + 1]! >>> 31 === 1 ? BtfKind.UNION : BtfKind.STRUCT;
    if (graph.kind(target) === wanted) canonical[id] = target;
  }
}

/** What is left refers to types: once those are canonical, equal ones are the same type. */
export function mergeReferences(graph: TypeGraph, table: CandidateTable): void {
  const { words, index, canonical } = graph;
  const waiting: number[] = [];
  const inProgress = new Uint8Array(graph.count);
  for (let start = graph.firstId; start < graph.count; start++) {
    if (graph.isMapped(start)) continue;
    waiting.push(start);
    while (waiting.length > 0) {
      const id = waiting[waiting.length - 1]!;
      const at = index[id]!;
      if (graph.isMapped(id)) {
        waiting.pop();
        continue;
      }
      if (inProgress[id] === 0) {
        inProgress[id] = 1;
        if (pushUnmapped(graph, at, waiting, inProgress)) continue;
      }
      waiting.pop();
      mapTypeIds(words, at, (ref) => graph.resolve(ref));
      const hash = hashExact(words, at);
      let found = id;
      for (let entry = table.first(hash); entry >= 0; entry = table.next(entry)) {
        if (equalExact(words, at, index[table.id(entry)]!)) {
          found = table.id(entry);
          break;
        }
      }
      canonical[id] = found;
      if (found === id) table.add(hash, id);
    }
  }
}

/** Puts the references of a type that are to be merged before it on the stack, the first one on top. */
function pushUnmapped(graph: TypeGraph, at: number, waiting: number[], inProgress: Uint8Array): boolean {
  const refs: number[] = [];
  const scratch = graph.words.slice(at, at + typeLength(graph.words, at));
  mapTypeIds(scratch, 0, (ref) => {
    if (!graph.isMapped(ref)) refs.push(ref);
    return ref;
  });
  for (let i = refs.length - 1; i >= 0; i--) {
    const ref = refs[i]!;
    if (inProgress[ref] !== 0) {
      throw new FormatError("BTF", 0, `type [${ref}]: refers to itself through no struct or union`);
    }
    waiting.push(ref);
  }
  return refs.length > 0;
}

/** New ids: canonical types keep their order and close ranks. By old id; UNMAPPED for the base's void is 0. */
export function compact(graph: TypeGraph): Uint32Array {
  const ids = new Uint32Array(graph.count).fill(UNMAPPED);
  for (let id = 0; id < graph.firstId; id++) ids[id] = id;
  let next = graph.firstId;
  for (let id = graph.firstId; id < graph.count; id++) if (graph.canonical[id] === id) ids[id] = next++;
  for (let id = graph.firstId; id < graph.count; id++) {
    if (graph.canonical[id] === id) continue;
    ids[id] = ids[graph.resolve(id)]!;
  }
  return ids;
}
