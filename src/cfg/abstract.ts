import { groupByTarget } from "./build.ts";
import { type Cfg, EdgeKind } from "./graph.ts";

/**
 * The graph of one function that is known by its blocks alone: block 0 is the entry, and `successors` has those of each
 * block, the one that it falls through to first. Slots mean nothing in it: each block stands for itself.
 */
export function graphOf(successors: readonly (readonly number[])[]): Cfg {
  const blockCount = successors.length;
  const first = new Uint32Array(blockCount + 1);
  for (let block = 0; block < blockCount; block++)
    first[block + 1] = first[block]! + successors[block]!.length;
  const edges = first[blockCount]!;
  const edgeFrom = new Uint32Array(edges);
  const edgeTo = new Uint32Array(edges);
  const edgeKind = new Uint8Array(edges);
  let edge = 0;
  for (let block = 0; block < blockCount; block++) {
    const kind = successors[block]!.length === 1 ? EdgeKind.taken : EdgeKind.fallthrough;
    for (const [i, to] of successors[block]!.entries()) {
      edgeFrom[edge] = block;
      edgeTo[edge] = to;
      edgeKind[edge++] = i === 0 ? kind : EdgeKind.taken;
    }
  }
  const numbers = Uint32Array.from({ length: blockCount + 1 }, (_, block) => block);
  return {
    blockCount,
    functions: [{ start: 0, end: blockCount, entry: 0, endBlock: blockCount }],
    starts: numbers,
    blockOf: numbers.slice(0, blockCount),
    successors: first,
    edgeFrom,
    edgeTo,
    edgeKind,
    ...groupByTarget(edgeTo, blockCount + 1),
  };
}
