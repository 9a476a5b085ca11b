import { TsbpfError } from "../base/index.ts";
import { displacementOf, type Insn, type InsnRow, isWide, lookup } from "../isa/index.ts";
import { type Cfg, EdgeKind, type FunctionRange } from "./graph.ts";

/** Slots that make no control flow graph: a jump out of its function, or a function without an end. */
export class CfgError extends TsbpfError {
  override name = "CfgError";
  readonly slot: number;
  readonly reason: string;

  constructor(slot: number, reason: string) {
    super(`control flow: slot ${slot}: ${reason}`);
    this.slot = slot;
    this.reason = reason;
  }
}

export interface CfgOptions {
  /**
   * The field of a local call that holds the distance to its function: `imm` in programs as they are loaded, `off` in
   * those that the kernel gives back after its JIT (where `imm` is the function's number).
   */
  readonly callTarget?: "imm" | "off";
}

const LEADER = 1;
const FUNCTION = 2;
/** The second slot of a wide load. */
const INSIDE = 4;

/**
 * Cuts a program into functions and blocks and links these. Functions begin at slot 0, at the targets of local calls
 * and at the addresses that wide loads take of functions.
 *
 * @throws CfgError where a jump or call leads outside, or code runs past the end of its function. Programs that
 * `checkForm` finds well-formed can fail only by jumping or running from one function into another.
 */
export function buildCfg(insns: readonly Insn[], options: CfgOptions = {}): Cfg {
  const count = insns.length;
  const marks = new Uint8Array(count + 1);
  const targets = new Int32Array(count).fill(-1);
  markWideLoads(insns, marks);
  markLeaders(insns, marks, targets, options.callTarget ?? "imm");

  let blockCount = 0;
  for (let slot = 0; slot < count; slot++) if ((marks[slot]! & LEADER) !== 0) blockCount++;
  const starts = new Uint32Array(blockCount + 1);
  const blockOf = new Uint32Array(count);
  let block = 0;
  for (let slot = 0; slot < count; slot++) {
    if ((marks[slot]! & LEADER) !== 0) starts[block++] = slot;
    blockOf[slot] = block - 1;
  }
  starts[blockCount] = count;
  const functions = functionsOf(marks, count, blockOf, blockCount);
  return { ...link(insns, starts, blockOf, blockCount, functions, targets), starts, blockOf, functions };
}

function markWideLoads(insns: readonly Insn[], marks: Uint8Array): void {
  for (let slot = 0; slot < insns.length; slot++) {
    if (isWide(insns[slot]!)) marks[++slot]! |= INSIDE;
  }
}

/** Marks where blocks and functions begin, and notes the targets of jumps. */
function markLeaders(
  insns: readonly Insn[],
  marks: Uint8Array,
  targets: Int32Array,
  callTarget: "imm" | "off",
): void {
  const count = insns.length;
  marks[0]! |= LEADER | FUNCTION;
  for (let slot = 0; slot < count; slot++) {
    if ((marks[slot]! & INSIDE) !== 0) continue;
    const insn = insns[slot]!;
    const row = lookup(insn);
    if (row === undefined) continue;
    const displacement =
      row.name === "call_local" && callTarget === "off" ? insn.off : displacementOf(insn, row);
    if (displacement !== undefined) {
      const target = slot + 1 + displacement;
      if (target < 0 || target >= count) {
        throw new CfgError(slot, `expected a target from 0 to ${count - 1}, got ${target}`);
      }
      if ((marks[target]! & INSIDE) !== 0) {
        throw new CfgError(slot, `slot ${target} is the middle of a wide load`);
      }
      if (isJump(row)) {
        targets[slot] = target;
        marks[target]! |= LEADER;
      } else {
        marks[target]! |= LEADER | FUNCTION;
      }
    }
    if (isJump(row) || row.kind === "exit") marks[slot + 1]! |= LEADER;
  }
}

function isJump(row: InsnRow): boolean {
  return row.kind === "branch" || row.kind === "goto" || row.kind === "mayGoto";
}

function functionsOf(
  marks: Uint8Array,
  count: number,
  blockOf: Uint32Array,
  blockCount: number,
): FunctionRange[] {
  const starts: number[] = [];
  for (let slot = 0; slot < count; slot++) if ((marks[slot]! & FUNCTION) !== 0) starts.push(slot);
  return starts.map((start, index) => {
    const end = starts[index + 1] ?? count;
    const endBlock = end === count ? blockCount : blockOf[end]!;
    return { start, end, entry: blockOf[start]!, endBlock };
  });
}

type Links = Omit<Cfg, "starts" | "blockOf" | "functions">;

function link(
  insns: readonly Insn[],
  starts: Uint32Array,
  blockOf: Uint32Array,
  blockCount: number,
  functions: readonly FunctionRange[],
  targets: Int32Array,
): Links {
  const successors = new Uint32Array(blockCount + 1);
  const edgeFrom = new Uint32Array(2 * blockCount);
  const edgeTo = new Uint32Array(2 * blockCount);
  const edgeKind = new Uint8Array(2 * blockCount);
  let edges = 0;
  const add = (from: number, to: number, kind: EdgeKind): void => {
    edgeFrom[edges] = from;
    edgeTo[edges] = to;
    edgeKind[edges++] = kind;
  };
  for (const range of functions) {
    for (let block = range.entry; block < range.endBlock; block++) {
      successors[block] = edges;
      // The second slot of a wide load has opcode 0, which is no instruction: it falls through.
      const last = starts[block + 1]! - 1;
      const row = lookup(insns[last]!);
      if (row?.kind === "exit") {
        add(block, blockCount, EdgeKind.exit);
        continue;
      }
      if (row?.kind !== "goto") {
        if (block + 1 >= range.endBlock) throw new CfgError(last, "the function runs on past its end");
        add(block, block + 1, EdgeKind.fallthrough);
      }
      const target = targets[last]!;
      if (target < 0) continue;
      if (target < range.start || target >= range.end) {
        throw new CfgError(last, `the jump to slot ${target} leaves the function at slot ${range.start}`);
      }
      add(block, blockOf[target]!, EdgeKind.taken);
    }
  }
  successors[blockCount] = edges;
  const trimmed = edgeTo.slice(0, edges);
  return {
    blockCount,
    successors,
    edgeFrom: edgeFrom.slice(0, edges),
    edgeTo: trimmed,
    edgeKind: edgeKind.slice(0, edges),
    ...groupByTarget(trimmed, blockCount + 1),
  };
}

/** Numbers of edges, grouped by target: see {@link Cfg}. `nodes`: how many targets there are. */
export function groupByTarget(edgeTo: Uint32Array, nodes: number): Pick<Cfg, "predecessors" | "incoming"> {
  const predecessors = new Uint32Array(nodes + 1);
  for (const to of edgeTo) predecessors[to + 1]!++;
  for (let node = 0; node < nodes; node++) predecessors[node + 1]! += predecessors[node]!;
  const next = predecessors.slice();
  const incoming = new Uint32Array(edgeTo.length);
  for (let edge = 0; edge < edgeTo.length; edge++) incoming[next[edgeTo[edge]!]!++] = edge;
  return { predecessors, incoming };
}
