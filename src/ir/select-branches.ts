import { Appender } from "./appender.ts";
import { goOnlyTo, joinLines } from "./flow.ts";
import { select } from "./fold.ts";
import type { IrFunction } from "./function.ts";
import { settle } from "./settle.ts";
import { type Block, isPure, Op, type Value } from "./value.ts";

/** Most that is done although a branch would have left it out, in simple operations. */
const MOST_WORK = 3;
/** Most values that are chosen instead of branched for. */
const MOST_CHOICES = 2;

/**
 * Branches around next to nothing become choices: BPF has no instruction that chooses, so compilers write `a ? b : c`
 * as a jump over a move. Where data decides, processors guess such jumps wrong.
 */
export function selectBranches(func: IrFunction): void {
  let changed = false;
  // Inner branches first: what is left of them may be the little that an outer one goes around.
  for (const block of Array.from(func.inOrder()).reverse()) {
    while (choose(func, block)) {
      changed = true;
      joinLines(func, block);
    }
  }
  if (!changed) return;
  func.rebuild();
  settle(func);
}

/** @returns whether a block's branch was only for what its two ways meet with, and is gone. */
function choose(func: IrFunction, block: Block): boolean {
  const { terminator } = block;
  if (terminator.kind !== "branch") return false;
  const condition = func.resolve(terminator.condition);
  const ways = waysOf(func, block);
  if (ways === undefined) return false;
  const { meeting, otherwise, where } = ways;
  const args = meeting.phis.map((phi) => [
    func.resolve(phi.args[where.index]!),
    func.resolve(phi.args[otherwise.index]!),
  ]);
  const choices = meeting.phis.filter((_, i) => args[i]![0] !== args[i]![1]);
  const values = [...otherwise.values, ...where.values];
  if (choices.length > 0) {
    if (choices.length > MOST_CHOICES || workOf(func, values) > MOST_WORK) return false;
    const chosen = choices.map(({ value }) => value);
    if (waitsForMemory(func, condition, chosen)) return false;
  }
  const make = new Appender(func);
  make.begin(block);
  for (const value of values) {
    func.resolveArgs(value);
    make.append(value);
  }
  func.slot = func.slotOf(condition);
  const chosen = args.map(([a, b]) => select(make, condition, a!, b!));
  for (const value of make.values) block.values.push(value);
  goOnlyTo(block, meeting, chosen);
  return true;
}

/** Values that are looked at for whether a choice is waited for. */
const MOST_LOOKED_AT = 256;

/**
 * Whether a condition reads memory at an address that earlier choices led to, as in a binary search: a branch that is
 * guessed lets the next load begin, a choice has it wait for the one before.
 */
function waitsForMemory(func: IrFunction, condition: Value, choices: readonly Value[]): boolean {
  const seen = new Set<Value>();
  const behindLoad = new Set<Value>();
  const work: Value[] = [condition];
  for (let value = work.pop(); value !== undefined && seen.size < MOST_LOOKED_AT; value = work.pop()) {
    const behind = behindLoad.has(value) || func.op(value) === Op.load;
    if (behind && choices.includes(value)) return true;
    const args = func.op(value) === Op.phi ? func.phiOf(value).args : func.argsOf(value);
    for (const arg of args) {
      const next = func.resolve(arg);
      if (seen.has(next) && (!behind || behindLoad.has(next))) continue;
      seen.add(next);
      if (behind) behindLoad.add(next);
      work.push(next);
    }
  }
  return false;
}

/** What is done on the way to where a block's ways meet, and from which of its predecessors that is reached. */
interface Way {
  readonly values: readonly Value[];
  readonly index: number;
}

interface Ways {
  readonly meeting: Block;
  readonly otherwise: Way;
  readonly where: Way;
}

/** Blocks that a way may lead through before it meets the other. */
const LONGEST_WAY = 4;

/** Both ways from a branch, where they meet soon and do nothing but compute. */
function waysOf(func: IrFunction, block: Block): Ways | undefined {
  const [onward, taken] = block.successors as [Block, Block];
  if (onward === taken) return undefined;
  const [one, other] = [pathFrom(func, onward), pathFrom(func, taken)];
  for (const [at, meeting] of one.entries()) {
    const there = other.indexOf(meeting);
    if (there < 0) continue;
    if (meeting === block) return undefined;
    const way = (path: readonly Block[], length: number): Way => ({
      values: path.slice(0, length).flatMap(({ values }) => values),
      index: meeting.predecessors.indexOf(length === 0 ? block : path[length - 1]!),
    });
    return { meeting, otherwise: way(one, at), where: way(other, there) };
  }
  return undefined;
}

/** A block, and those behind it as long as what is done in them may be done in front of it. */
function pathFrom(func: IrFunction, block: Block): readonly Block[] {
  const path = [block];
  for (let at = block; path.length <= LONGEST_WAY && isAside(func, at); path.push(at)) at = at.successors[0]!;
  return path;
}

/** What a block that several lead to does cannot be done in only one of them. */
function isAside(func: IrFunction, { predecessors, phis, values, terminator }: Block): boolean {
  if (phis.length > 0 || terminator.kind !== "goto") return false;
  const alone = predecessors.length === 1;
  return values.every((value) => (alone ? isPure(func.op(value)) : func.isConst(value)));
}

/** In simple operations. */
function workOf(func: IrFunction, values: readonly Value[]): number {
  let work = 0;
  for (const value of values) {
    const op = func.op(value);
    if (!FREE.has(op)) work += SLOW.has(op) ? MOST_WORK + 1 : 1;
  }
  return work;
}

const FREE: ReadonlySet<Op> = new Set<Op>([Op.const, Op.param, Op.frame, Op.wrap, Op.extendU]);
const SLOW: ReadonlySet<Op> = new Set<Op>([Op.mul, Op.divU, Op.divS, Op.remU, Op.remS, Op.bswap]);
