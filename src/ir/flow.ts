import type { Block, Value } from "./value.ts";
import type { ValueTable } from "./value-table.ts";

// Changes of the flow between blocks. Each keeps successors, predecessors and what phis take in step;
// `IrFunction.rebuild` makes graph and numbers true again afterwards.

function dropPredecessor(block: Block, index: number): void {
  block.predecessors.splice(index, 1);
  for (const phi of block.phis) phi.args.splice(index, 1);
}

/** A block goes on to another only, with what the other's phis take from it. Blocks that nothing else led to are left. */
export function goOnlyTo(block: Block, next: Block, args: readonly Value[]): void {
  // The new edge first: the other may be reached by the old ones alone.
  next.predecessors.push(block);
  for (const [i, phi] of next.phis.entries()) phi.args.push(args[i]!);
  leave(block);
  block.successors = [next];
  block.terminator = { kind: "goto" };
}

/** A block goes nowhere any more, and neither do those that only it led to. */
function leave(block: Block): void {
  const left = [block];
  for (let from = left.pop(); from !== undefined; from = left.pop()) {
    for (const next of from.successors) {
      dropPredecessor(next, next.predecessors.indexOf(from));
      if (next.predecessors.length === 0) left.push(next);
    }
    from.successors = [];
    from.terminator = { kind: "goto" };
  }
}

/** A block goes on as another one did, which ends with the block. */
export function takeOver(block: Block, ended: Block): void {
  block.terminator = ended.terminator;
  block.successors = ended.successors;
  for (const next of block.successors)
    next.predecessors = next.predecessors.map((from) => (from === ended ? block : from));
}

/** A block and those that only follow on it become one. @returns whether there was any. */
export function joinLines(func: ValueTable, block: Block): boolean {
  let joined = false;
  while (block.successors.length === 1 && continuesLine(block.successors[0]!)) {
    join(func, block, block.successors[0]!);
    joined = true;
  }
  return joined;
}

/** Whether the only way into a block is from one that leads nowhere else. */
function continuesLine(block: Block): boolean {
  const [before] = block.predecessors;
  return block.predecessors.length === 1 && before!.successors.length === 1 && before !== block;
}

function join(func: ValueTable, block: Block, next: Block): void {
  for (const phi of next.phis) func.forward(phi.value, phi.args[0]!);
  for (const value of next.values) {
    func.setBlock(value, block);
    block.values.push(value);
  }
  takeOver(block, next);
  next.predecessors = [];
  next.successors = [];
}
