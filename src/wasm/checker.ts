import type { Label } from "./entities.ts";
import { WasmError } from "./errors.ts";
import { instructionOf } from "./instructions.ts";
import type { BlockType, FuncType, ValueType } from "./types.ts";

/** A type on the operand stack; `"any"` is what unreachable code may pop. */
type StackType = ValueType | "any";

interface Frame {
  readonly label: Label;
  readonly params: readonly ValueType[];
  readonly results: readonly ValueType[];
  /** Operands below belong to enclosing blocks. */
  readonly base: number;
  unreachable: boolean;
}

const NONE: readonly ValueType[] = [];
const LETTERS: Readonly<Record<string, ValueType>> = { i: "i32", l: "i64", f: "funcref" };

/**
 * Validates a function body while it is built (specification, appendix "Validation Algorithm"), so that a
 * mistake is thrown where it is made, with the function's name and the instruction's number and offset.
 */
export class Checker {
  readonly #function: string;
  readonly #stack: StackType[] = [];
  readonly #frames: Frame[] = [];
  #instruction = -1;
  #offset = 0;
  #name = "";

  constructor(name: string, type: FuncType, label: Label) {
    this.#function = name;
    this.#frames.push({ label, params: NONE, results: type.results, base: 0, unreachable: false });
  }

  /** Starts an instruction: what later problems are reported at. */
  at(code: number, offset: number): void {
    this.#instruction++;
    this.#offset = offset;
    this.#name = instructionOf(code)?.name ?? `opcode 0x${code.toString(16)}`;
  }

  fail(problem: string): never {
    throw new WasmError(`${this.#name}: ${problem}`, {
      function: this.#function,
      instruction: this.#instruction,
      offset: this.#offset,
    });
  }

  /** An instruction whose types are those of its row in the table. */
  plain(code: number): void {
    const row = instructionOf(code);
    if (row?.takes === undefined) this.fail("has its own method");
    for (let i = row.takes.length - 1; i >= 0; i--) this.pop(LETTERS[row.takes[i]!]!);
    for (const letter of row.gives) this.push(LETTERS[letter]!);
  }

  push(type: StackType): void {
    this.#stack.push(type);
  }

  pop(expected: StackType): StackType {
    const frame = this.#top();
    if (this.#stack.length === frame.base) {
      if (frame.unreachable) return expected;
      this.fail(`expected ${expected === "any" ? "a value" : expected} on the stack, got nothing`);
    }
    const actual = this.#stack.pop()!;
    if (actual !== expected && actual !== "any" && expected !== "any") {
      this.fail(`expected ${expected} on the stack, got ${actual}`);
    }
    return actual === "any" ? expected : actual;
  }

  pops(types: readonly ValueType[]): void {
    for (let i = types.length - 1; i >= 0; i--) this.pop(types[i]!);
  }

  pushes(types: readonly ValueType[]): void {
    for (const type of types) this.#stack.push(type);
  }

  select(): void {
    this.pop("i32");
    const second = this.pop("any");
    const first = this.pop("any");
    if (first !== second && first !== "any" && second !== "any") {
      this.fail(`expected two values of one type, got ${first} and ${second}`);
    }
    const type = first === "any" ? second : first;
    if (type === "funcref" || type === "externref") this.fail(`expected integers, got ${type}`);
    this.push(type);
  }

  /** A `block`, `loop` or `if` with its label. */
  enter(label: Label, type: BlockType): void {
    const params = typeof type === "object" ? type.params : NONE;
    const results = typeof type === "object" ? type.results : type === undefined ? NONE : [type];
    if (label.kind === "if") this.pop("i32");
    this.pops(params);
    this.#frames.push({ label, params, results, base: this.#stack.length, unreachable: false });
    this.pushes(params);
  }

  /** The `else` of the innermost `if`. */
  otherwise(label: Label): void {
    const frame = this.#leave();
    if (frame.label.kind !== "if") this.fail(`expected an open if, got a ${frame.label.kind}`);
    this.#frames.push({ ...frame, label, unreachable: false });
    this.pushes(frame.params);
  }

  /** The `end` of the innermost block. */
  end(): void {
    const frame = this.#leave();
    if (frame.label.kind === "if" && !equalTypes(frame.params, frame.results)) {
      this.fail(`expected an else, as the if gives ${list(frame.results)}`);
    }
    this.pushes(frame.results);
  }

  br(label: Label): void {
    this.pops(this.#typesOf(label));
    this.unreachable();
  }

  brIf(label: Label): void {
    const types = this.#typesOf(label);
    this.pop("i32");
    this.pops(types);
    this.pushes(types);
  }

  brTable(labels: readonly Label[], fallback: Label): void {
    this.pop("i32");
    const types = this.#typesOf(fallback);
    for (const label of labels) {
      const others = this.#typesOf(label);
      if (!equalTypes(others, types)) {
        this.fail(`expected labels of one type, got ${list(types)} and ${list(others)}`);
      }
    }
    this.pops(types);
    this.unreachable();
  }

  return(): void {
    this.pops(this.#frames[0]!.results);
    this.unreachable();
  }

  call(type: FuncType): void {
    this.pops(type.params);
    this.pushes(type.results);
  }

  tailCall(type: FuncType): void {
    const results = this.#frames[0]!.results;
    if (!equalTypes(type.results, results)) {
      this.fail(
        `expected a callee with the results of this function, ${list(results)}, got ${list(type.results)}`,
      );
    }
    this.pops(type.params);
    this.unreachable();
  }

  unreachable(): void {
    const frame = this.#top();
    this.#stack.length = frame.base;
    frame.unreachable = true;
  }

  #top(): Frame {
    const frame = this.#frames.at(-1);
    if (frame === undefined) this.fail("the function has ended already");
    return frame;
  }

  #leave(): Frame {
    const frame = this.#top();
    this.pops(frame.results);
    if (this.#stack.length !== frame.base) {
      const left = this.#stack.slice(frame.base);
      this.fail(
        `expected ${list(frame.results)} at the end of the ${frame.label.kind}, got ${list(left)} more`,
      );
    }
    this.#frames.pop();
    return frame;
  }

  #typesOf(label: Label): readonly ValueType[] {
    const frame = this.#frames[label.height]!;
    return frame.label.kind === "loop" ? frame.params : frame.results;
  }
}

function equalTypes(a: readonly ValueType[], b: readonly ValueType[]): boolean {
  return a.length === b.length && a.every((type, i) => type === b[i]);
}

function list(types: readonly StackType[]): string {
  return `[${types.join(" ")}]`;
}
