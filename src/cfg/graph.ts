/** What leads from one block to the next. Calls are no edges: control comes back behind them. */
export const EdgeKind = {
  /** On to the next slot. */
  fallthrough: 0,
  /** A jump, conditional or not. */
  taken: 1,
  /** The function returns. */
  exit: 2,
} as const;
export type EdgeKind = (typeof EdgeKind)[keyof typeof EdgeKind];

/** Stands for "no block" in arrays of blocks. */
export const NO_BLOCK = 0xffff_ffff;

/** The main program or a subprogram: consecutive slots, and so consecutive blocks. */
export interface FunctionRange {
  readonly start: number;
  /** One past its last slot. */
  readonly end: number;
  /** Its entry, which is its first block. */
  readonly entry: number;
  /** One past its last block. */
  readonly endBlock: number;
}

/**
 * The control flow graph of a program. Blocks are numbered in the order of their slots and partition them; functions
 * partition the blocks, and no edge leaves a function. The number `blockCount` stands for the outside, to which the
 * edges of kind `exit` lead.
 *
 * Edges stand in one array, grouped by source: those of block `b` are numbers `successors[b]` up to (not including)
 * `successors[b + 1]`, the fallthrough before the jump. `predecessors` groups the same numbers by target.
 */
export interface Cfg {
  readonly blockCount: number;
  readonly functions: readonly FunctionRange[];
  /** First slot of each block, and one more entry: the number of slots. */
  readonly starts: Uint32Array;
  /** The block of each slot. */
  readonly blockOf: Uint32Array;
  readonly successors: Uint32Array;
  readonly edgeFrom: Uint32Array;
  readonly edgeTo: Uint32Array;
  readonly edgeKind: Uint8Array;
  /** For each block, and for the outside, where its entries in `incoming` begin; and one more entry. */
  readonly predecessors: Uint32Array;
  /** Edge numbers, grouped by target. */
  readonly incoming: Uint32Array;
}

/** The blocks that follow a block inside its function, without repetition removed. */
export function successorsOf(cfg: Cfg, block: number): number[] {
  const blocks: number[] = [];
  for (let edge = cfg.successors[block]!; edge < cfg.successors[block + 1]!; edge++) {
    if (cfg.edgeKind[edge] !== EdgeKind.exit) blocks.push(cfg.edgeTo[edge]!);
  }
  return blocks;
}

/** The blocks that lead to a block. */
export function predecessorsOf(cfg: Cfg, block: number): number[] {
  const blocks: number[] = [];
  for (let at = cfg.predecessors[block]!; at < cfg.predecessors[block + 1]!; at++) {
    blocks.push(cfg.edgeFrom[cfg.incoming[at]!]!);
  }
  return blocks;
}
