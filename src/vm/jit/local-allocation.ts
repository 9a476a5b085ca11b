import type { Block, IrFunction, Value } from "../../ir/index.ts";
import type { FunctionBuilder, Local } from "../../wasm/index.ts";
import { isLeaf, type Uses } from "./ir-uses.ts";

/**
 * Gives each value that is kept a local, and values that are never needed at the same time the same one: what V8 takes
 * to compile a function grows with blocks times locals.
 *
 * In SSA form, values that live where another is defined are known when blocks are gone through in dominance order, so
 * that the first free local is as good as any (Hack and others, "Register allocation for programs in SSA form", 2006).
 *
 * @returns by number of the value.
 */
export function allocateLocals(
  f: FunctionBuilder,
  func: IrFunction,
  uses: Uses,
): readonly (Local | undefined)[] {
  return new Allocation(f, func, uses).locals;
}

/** Whether what a value gives stands in a local. */
function isKept(func: IrFunction, value: Value, uses: Uses): boolean {
  return func.type(value) !== "void" && !isLeaf(func.op(value)) && uses.used(value) && !uses.inline(value);
}

class Allocation {
  readonly locals: (Local | undefined)[];
  readonly #func: IrFunction;
  readonly #uses: Uses;
  readonly #operands: Operands;
  /** Values that come into each block, phis apart. */
  readonly #liveIn: Value[][];
  /** By number of the value: the last block where it was found to be live at the end. */
  readonly #markedOut: Int32Array;
  /** Uses in the block that is gone through. */
  readonly #left: Int32Array;
  /** Where phis behind that block, which have their locals, take their values from. */
  readonly #wanted = new Map<Value, Local>();
  readonly #pools: Readonly<Record<"i32" | "i64", Pool>>;

  constructor(f: FunctionBuilder, func: IrFunction, uses: Uses) {
    const count = func.valueCount;
    this.locals = new Array<Local | undefined>(count);
    this.#func = func;
    this.#uses = uses;
    this.#operands = new Operands(func, uses);
    this.#liveIn = func.blocks.map(() => []);
    this.#markedOut = new Int32Array(count).fill(-1);
    this.#left = new Int32Array(count);
    this.#pools = { i32: new Pool(f, "i32", "i"), i64: new Pool(f, "i64", "l") };
    this.#findLive(func);
    for (const block of func.inOrder()) this.#allocate(block);
  }

  /** For each use of a value in another block than its own: all blocks on the ways there. */
  #findLive(func: IrFunction): void {
    const { values, firsts, ends } = this.#operands;
    const elsewhere = new Map<Value, Block[]>();
    for (const block of func.inOrder()) {
      for (let at = firsts[block.id]!; at < ends[block.id]!; at++) {
        const value = values[at]!;
        if (func.blockOf(value) === block) continue;
        const blocks = elsewhere.get(value);
        if (blocks === undefined) elsewhere.set(value, [block]);
        else if (blocks.at(-1) !== block) blocks.push(block);
      }
    }
    const marked = new Int32Array(func.blocks.length).fill(-1);
    for (const [value, blocks] of elsewhere) {
      for (let block = blocks.pop(); block !== undefined; block = blocks.pop()) {
        if (block === func.blockOf(value) || marked[block.id] === value) continue;
        marked[block.id] = value;
        this.#liveIn[block.id]!.push(value);
        for (const before of block.predecessors) blocks.push(before);
      }
    }
  }

  #allocate(block: Block): void {
    const func = this.#func;
    const { i32, i64 } = this.#pools;
    const { values, firsts, ends, counts } = this.#operands;
    i32.begin();
    i64.begin();
    for (const value of this.#liveIn[block.id]!) this.#pool(value).take(this.locals[value]!);
    this.#wanted.clear();
    for (const next of block.successors) {
      for (const value of this.#liveIn[next.id]!) this.#markedOut[value] = block.id;
      this.#wish(block, next);
    }
    const left = this.#left;
    const end = ends[block.id]!;
    for (let i = firsts[block.id]!; i < end; i++) left[values[i]!]!++;
    const kept = block.phis.filter(({ value }) => isKept(func, value, this.#uses));
    for (const { value, args } of kept)
      this.#define(
        value,
        args.map((arg) => this.locals[arg]).find((local) => local !== undefined),
      );
    for (const { value } of kept) this.#freeIfDone(value, block);
    let at = firsts[block.id]!;
    for (const value of block.values) {
      if (!isRoot(func, value, this.#uses)) continue;
      for (const behind = at + counts[value]!; at < behind; at++) {
        const operand = values[at]!;
        left[operand]!--;
        this.#freeIfDone(operand, block);
      }
      if (!isKept(func, value, this.#uses)) continue;
      this.#define(value, this.#wanted.get(value));
      this.#freeIfDone(value, block);
    }
    for (; at < end; at++) left[values[at]!] = 0;
  }

  #pool(value: Value): Pool {
    return this.#func.isWide(value) ? this.#pools.i64 : this.#pools.i32;
  }

  /** Values that a phi takes had best be in its local. */
  #wish(block: Block, { phis, predecessors }: Block): void {
    if (phis.length === 0) return;
    const index = predecessors.indexOf(block);
    for (const phi of phis) {
      const local = this.locals[phi.value];
      if (local !== undefined) this.#wanted.set(phi.args[index]!, local);
    }
  }

  #define(value: Value, wanted: Local | undefined): void {
    this.locals[value] = this.#pool(value).free(wanted);
  }

  #freeIfDone(value: Value, block: Block): void {
    if (this.#left[value] !== 0 || this.#markedOut[value] === block.id) return;
    this.#pool(value).give(this.locals[value]!);
  }
}

/** What is computed in its place, and not where it is used. */
function isRoot(func: IrFunction, value: Value, uses: Uses): boolean {
  return uses.live(value) && !isLeaf(func.op(value)) && !uses.inline(value);
}

/**
 * What stands in a local when something is computed: for each block one behind the other those that its roots need,
 * then those by which it ends, and what the phis behind it take.
 */
class Operands {
  readonly values: Value[] = [];
  /** Where a block's begin, and behind its last one, by its number. */
  readonly firsts: Uint32Array;
  readonly ends: Uint32Array;
  /** How many a root has, by its number. */
  readonly counts: Uint32Array;
  readonly #func: IrFunction;
  readonly #uses: Uses;

  constructor(func: IrFunction, uses: Uses) {
    this.#func = func;
    this.#uses = uses;
    this.firsts = new Uint32Array(func.blocks.length);
    this.ends = new Uint32Array(func.blocks.length);
    this.counts = new Uint32Array(func.valueCount);
    const { values } = this;
    for (const block of func.inOrder()) {
      this.firsts[block.id] = values.length;
      for (const value of block.values) {
        if (!isRoot(func, value, uses)) continue;
        const before = values.length;
        this.#addAll(value);
        this.counts[value] = values.length - before;
      }
      const { terminator } = block;
      if (terminator.kind === "branch") this.#add(terminator.condition);
      else if (terminator.kind === "return") this.#add(terminator.value);
      for (const next of block.successors) this.#addTaken(block, next);
      this.ends[block.id] = values.length;
    }
  }

  #addTaken(block: Block, { phis, predecessors }: Block): void {
    if (phis.length === 0) return;
    const index = predecessors.indexOf(block);
    for (const phi of phis) if (this.#uses.live(phi.value)) this.#add(phi.args[index]!);
  }

  #addAll(value: Value): void {
    const count = this.#func.argCount(value);
    for (let i = 0; i < count; i++) this.#add(this.#func.arg(value, i));
  }

  #add(value: Value): void {
    if (isLeaf(this.#func.op(value))) return;
    if (this.#uses.inline(value)) this.#addAll(value);
    else this.values.push(value);
  }
}

/** Locals of one type, and which of them are taken where the allocation is. */
class Pool {
  readonly #f: FunctionBuilder;
  readonly #type: "i32" | "i64";
  readonly #prefix: string;
  readonly #locals: Local[] = [];
  readonly #numbers = new Map<Local, number>();
  #taken: boolean[] = [];

  constructor(f: FunctionBuilder, type: "i32" | "i64", prefix: string) {
    this.#f = f;
    this.#type = type;
    this.#prefix = prefix;
  }

  /** All are free. */
  begin(): void {
    this.#taken = new Array<boolean>(this.#locals.length).fill(false);
  }

  take(local: Local): void {
    this.#taken[this.#numbers.get(local)!] = true;
  }

  give(local: Local): void {
    this.#taken[this.#numbers.get(local)!] = false;
  }

  /** Takes the wanted local, where that is free, or any. */
  free(wanted: Local | undefined): Local {
    if (wanted !== undefined && !this.#taken[this.#numbers.get(wanted)!]) {
      this.take(wanted);
      return wanted;
    }
    const free = this.#taken.indexOf(false);
    if (free >= 0) {
      this.#taken[free] = true;
      return this.#locals[free]!;
    }
    const number = this.#locals.length;
    const local = this.#f.local(this.#type, `${this.#prefix}${number}`);
    this.#locals.push(local);
    this.#numbers.set(local, number);
    this.#taken.push(true);
    return local;
  }
}
