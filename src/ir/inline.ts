import { takeOver } from "./flow.ts";
import { binary, extendU } from "./fold.ts";
import type { IrFunction } from "./function.ts";
import { settle } from "./settle.ts";
import { removeTrivialPhis } from "./ssa.ts";
import { Block, NONE, Op, type Phi, type Value } from "./value.ts";
import { ValueMaker } from "./value-maker.ts";

/** What a call runs, in a form that may stand in the call's place. */
export interface Inlining {
  readonly form: IrFunction;
  /** As `bpf_loop`: `(rounds, callback, context, flags)`; else once, with the call's own arguments. */
  readonly loop: Loop | null;
}

/** What `bpf_loop` refuses. */
export interface Loop {
  readonly mostRounds: number;
  /** What it returns for more. */
  readonly refusal: { readonly low: number; readonly high: number };
}

/** Values that a function may have to be inlined, and that a function may grow to by it. */
const MOST_VALUES = 160;
const MOST_GROWN = 4_000;

/** Whether a function, after its own passes, may stand in the place of calls of it. */
export function isInlinable(func: IrFunction): boolean {
  let size = 0;
  for (const { values } of func.inOrder()) {
    size += values.length;
    if (values.some((value) => isItsOwn(func.op(value)))) return false;
  }
  return size <= MOST_VALUES;
}

/** A frame, or counters; and a tail call ends the function that is called, not the caller. */
function isItsOwn(op: Op): boolean {
  return op === Op.frame || op === Op.mayGoto || op === Op.tailCall;
}

/**
 * Puts functions in the place of calls of them.
 *
 * @param of what a call runs; undefined where it stays a call.
 * @returns whether there was one.
 */
export function inlineCalls(
  func: IrFunction,
  of: (func: IrFunction, call: Value) => Inlining | undefined,
): boolean {
  let size = 0;
  for (const { values } of func.inOrder()) size += values.length;
  let changed = false;
  for (const begin of Array.from(func.inOrder())) {
    let block = begin;
    for (let index = 0; index < block.values.length; index++) {
      const call = block.values[index]!;
      if (func.op(call) !== Op.call && func.op(call) !== Op.callLocal) continue;
      const inlining = of(func, call);
      if (inlining === undefined || size > MOST_GROWN) continue;
      const rest = new Inliner(func, block, index).inline(inlining);
      for (const { values } of inlining.form.inOrder()) size += values.length;
      changed = true;
      block = rest;
      index = -1;
    }
  }
  if (!changed) return false;
  func.rebuild();
  removeTrivialPhis(func);
  settle(func);
  return true;
}

/** One call while something else takes its place. */
class Inliner {
  readonly #func: IrFunction;
  readonly #before: Block;
  readonly #rest = new Block(-1);
  readonly #call: Value;
  /** What the call gives. */
  readonly #result: Phi;

  /** Cuts a block in two around a call. */
  constructor(func: IrFunction, block: Block, index: number) {
    this.#func = func;
    this.#before = block;
    this.#call = block.values[index]!;
    func.slot = func.slotOf(this.#call);
    const rest = this.#rest;
    this.#result = func.phi("i64", rest);
    rest.phis = [this.#result];
    rest.values = block.values.slice(index + 1);
    for (const value of rest.values) func.setBlock(value, rest);
    block.values.length = index;
    takeOver(rest, block);
    block.successors = [];
    func.forward(this.#call, this.#result.value);
  }

  /** @returns the block that goes on behind the call. */
  inline({ form, loop }: Inlining): Block {
    if (loop === null) this.#once(form);
    else this.#rounds(form, loop);
    return this.#rest;
  }

  #once(form: IrFunction): void {
    const copy = copyInto(this.#func, form, this.#func.argsOf(this.#call));
    go(this.#before, copy.entry);
    for (const { block, value } of copy.returns) this.#finish(block, value);
  }

  /** The call is over when a block ends. */
  #finish(block: Block, result: Value): void {
    go(block, this.#rest);
    this.#result.args.push(result);
  }

  /** See `emitIrLoop`, which does the same where the callback cannot be inlined. */
  #rounds(form: IrFunction, { mostRounds, refusal }: Loop): void {
    const func = this.#func;
    const [count, , context] = func.argsOf(this.#call) as [Value, Value, Value];
    const before = this.#before;
    const [refused, header, done, onward] = [new Block(-1), new Block(-1), new Block(-1), new Block(-1)];
    const round = func.phi("i32", header);
    header.phis = [round];
    const copyAt = new Block(-1);
    const first = new Writer(func, before);
    round.args.push(first.i32(0));
    branch(before, binary(first, Op.ltU, first.i64(mostRounds, 0), count), refused, header);
    this.#finish(refused, new Writer(func, refused).i64(refusal.low, refusal.high));
    const head = new Writer(func, header);
    const number = extendU(head, round.value);
    const zero = head.i64(0, 0);
    branch(header, binary(head, Op.ltU, round.value, head.one(Op.wrap, "i32", count)), copyAt, done);
    this.#finish(done, number);
    const copy = copyInto(func, form, [number, context, zero, zero, zero]);
    go(copyAt, copy.entry);
    func.slot = func.slotOf(this.#call);
    const answer = func.phi("i64", onward);
    onward.phis = [answer];
    for (const { block, value } of copy.returns) {
      go(block, onward);
      answer.args.push(value);
    }
    const [ended, look, again] = [new Block(-1), new Block(-1), new Block(-1)];
    const last = new Writer(func, onward);
    const next = binary(last, Op.add, round.value, last.i32(1));
    branch(onward, binary(last, Op.ne, answer.value, last.i64(0, 0)), ended, look);
    branch(look, new Writer(func, look).leaf(Op.interrupted, "i32"), ended, again);
    this.#finish(ended, extendU(new Writer(func, ended), next));
    go(again, header);
    round.args.push(next);
  }
}

/** Puts values at the end of a block that is not in a function yet: what dominates it is not known. */
class Writer extends ValueMaker {
  readonly func: IrFunction;
  readonly #block: Block;

  constructor(func: IrFunction, block: Block) {
    super();
    this.func = func;
    this.#block = block;
  }

  override append(value: Value): Value {
    this.func.setBlock(value, this.#block);
    this.#block.values.push(value);
    return value;
  }
}

function go(from: Block, to: Block): void {
  from.terminator = { kind: "goto" };
  from.successors = [to];
  to.predecessors.push(from);
}

function branch(from: Block, condition: Value, taken: Block, onward: Block): void {
  from.terminator = { kind: "branch", condition };
  from.successors = [onward, taken];
  onward.predecessors.push(from);
  taken.predecessors.push(from);
}

interface Copy {
  readonly entry: Block;
  /** Blocks that end where the function returned, and with what. */
  readonly returns: readonly { readonly block: Block; readonly value: Value }[];
}

/** The blocks of a function once more, with arguments in the place of its parameters r1, r2 …. */
function copyInto(func: IrFunction, form: IrFunction, args: readonly Value[]): Copy {
  const blocks = new Map<Block, Block>();
  const values = new Int32Array(form.valueCount).fill(NONE);
  const returns: { block: Block; value: Value }[] = [];
  for (const block of form.inOrder()) blocks.set(block, new Block(-1));
  const copyOf = (value: Value): Value => {
    func.slot = form.slotOf(value);
    const copy = func.copy(form, value);
    values[value] = copy;
    return copy;
  };
  for (const [block, copy] of blocks) {
    copy.phis = block.phis.map(({ value }) => {
      func.slot = form.slotOf(value);
      const phi = func.phi(form.type(value), copy);
      values[value] = phi.value;
      return phi;
    });
    for (const value of block.values) {
      if (form.op(value) === Op.param) {
        values[value] = args[form.imm(value) - 1]!;
        continue;
      }
      const again = copyOf(value);
      func.setBlock(again, copy);
      copy.values.push(again);
    }
  }
  // What is known is in no block, or in one.
  const mapped = (value: Value): Value => {
    const known = values[value] as Value;
    return known === NONE ? copyOf(value) : known;
  };
  for (const [block, copy] of blocks) {
    for (const [i, phi] of block.phis.entries()) copy.phis[i]!.args = phi.args.map(mapped);
    for (const value of block.values) {
      if (form.op(value) === Op.param) continue;
      for (let i = 0; i < form.argCount(value); i++)
        func.setArg(values[value] as Value, i, mapped(form.arg(value, i)));
    }
    copy.predecessors = block.predecessors.map((from) => blocks.get(from)!);
    copy.successors = block.successors.map((to) => blocks.get(to)!);
    const { terminator } = block;
    if (terminator.kind === "return") returns.push({ block: copy, value: mapped(terminator.value) });
    else if (terminator.kind === "branch")
      copy.terminator = { kind: "branch", condition: mapped(terminator.condition) };
  }
  return { entry: blocks.get(form.blocks[0]!)!, returns };
}
