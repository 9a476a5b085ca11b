import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { graphOf } from "../../../src/cfg/index.ts";
import { type BlockEmitter, emitStructured } from "../../../src/vm/jit/structure.ts";
import { type FunctionBuilder, type Local, ModuleBuilder } from "../../../src/wasm/index.ts";

/** Blocks that a run logs at most: graphs may loop for ever. */
const STEPS = 200;

/** Each block asks the next of these bits where to go on; without an end they start over. */
type Path = readonly boolean[];

/** Logs the block it is in and what it does on the way, and leaves when so many were logged. */
class LoggingEmitter implements BlockEmitter {
  readonly #f: FunctionBuilder;
  readonly #successors: readonly (readonly number[])[];
  readonly #log: Parameters<FunctionBuilder["call"]>[0];
  readonly #next: Parameters<FunctionBuilder["call"]>[0];
  readonly #steps: Local;
  /** Edges on whose way something is done. */
  readonly #moves: ReadonlySet<string>;

  constructor(
    f: FunctionBuilder,
    successors: readonly (readonly number[])[],
    imports: {
      readonly log: Parameters<FunctionBuilder["call"]>[0];
      readonly next: Parameters<FunctionBuilder["call"]>[0];
    },
    moves: ReadonlySet<string>,
  ) {
    this.#f = f;
    this.#successors = successors;
    this.#log = imports.log;
    this.#next = imports.next;
    this.#steps = f.local("i32", "steps");
    this.#moves = moves;
  }

  body(block: number) {
    const f = this.#f;
    f.i32.const(block).call(this.#log);
    f.get(this.#steps).i32.const(1).i32.add().tee(this.#steps).i32.const(STEPS).i32.eq();
    f.if(() => f.return());
    const { length } = this.#successors[block]!;
    if (length === 2) return "branch";
    if (length === 1) return "goto";
    f.return();
    return "end";
  }

  condition(_: number, negated: boolean): void {
    this.#f.call(this.#next);
    if (negated) this.#f.i32.eqz();
  }

  moves(from: number, to: number): boolean {
    return this.#moves.has(`${from}-${to}`);
  }

  move(from: number, to: number): void {
    this.#f.i32.const(edgeNumber(from, to)).call(this.#log);
  }
}

function edgeNumber(from: number, to: number): number {
  return -(from * 100_000 + to) - 1;
}

type Graph = readonly (readonly number[])[];

/** Emits and runs a graph. @returns the log. */
function emitted(successors: Graph, path: Path, moves: ReadonlySet<string> = new Set()): number[] {
  const m = new ModuleBuilder({ check: true });
  const log = m.importFunction("test", "log", { params: ["i32"], results: [] });
  const next = m.importFunction("test", "next", { params: [], results: ["i32"] });
  const f = m.function("run", { params: [], results: [] }, { export: true });
  emitStructured(f, graphOf(successors), new LoggingEmitter(f, successors, { log, next }, moves));
  f.unreachable();
  const logged: number[] = [];
  let at = 0;
  const instance = new WebAssembly.Instance(new WebAssembly.Module(m.finish()), {
    test: { log: (block: number) => logged.push(block), next: () => (path[at++ % path.length]! ? 1 : 0) },
  });
  (instance.exports["run"] as () => void)();
  return logged;
}

/** The same by walking over the graph. */
function walked(successors: Graph, path: Path, moves: ReadonlySet<string> = new Set()): number[] {
  const logged: number[] = [];
  let at = 0;
  let steps = 0;
  for (let block: number | undefined = 0; block !== undefined; ) {
    logged.push(block);
    if (++steps === STEPS) break;
    const list: readonly number[] = successors[block]!;
    const to: number | undefined = list.length < 2 ? list[0] : list[path[at++ % path.length]! ? 1 : 0];
    if (to !== undefined && moves.has(`${block}-${to}`)) logged.push(edgeNumber(block, to));
    block = to;
  }
  return logged;
}

const paths = fc.array(fc.boolean(), { minLength: 1, maxLength: 30 });

/** Nothing leads back to block 0: functions are entered there alone. */
function graphs(most: number): fc.Arbitrary<number[][]> {
  return fc.integer({ min: 2, max: most }).chain((count) =>
    fc.array(fc.array(fc.integer({ min: 1, max: count - 1 }), { maxLength: 2 }), {
      minLength: count,
      maxLength: count,
    }),
  );
}

function edgesOf(successors: Graph): string[] {
  return successors.flatMap((list, from) => list.map((to) => `${from}-${to}`));
}

describe("emitStructured", () => {
  it("goes through random graphs as they say, with two entries to a loop, too", () => {
    fc.assert(
      fc.property(graphs(12), paths, (successors, path) => {
        expect(emitted(successors, path)).toEqual(walked(successors, path));
      }),
      { numRuns: 1000 },
    );
  });

  it("does on the way from block to block what is to be done there, and nowhere else", () => {
    fc.assert(
      fc.property(
        graphs(9),
        paths,
        fc.array(fc.boolean(), { minLength: 1, maxLength: 9 }),
        (successors, path, marks) => {
          const moves = new Set(edgesOf(successors).filter((_, i) => marks[i % marks.length]));
          expect(emitted(successors, path, moves)).toEqual(walked(successors, path, moves));
        },
      ),
      { numRuns: 500 },
    );
  });

  it.each([
    ["one block", [[]]],
    ["a diamond", [[1, 2], [3], [3], []]],
    ["a branch with both ways to the same block", [[1, 1], []]],
    ["a block that leads to itself", [[1], [1, 2], []]],
    ["two loops with one head", [[1], [2, 4], [1, 3], [1], []]],
    ["a loop that is left from its middle", [[1], [2, 4], [3, 4], [1], []]],
    ["a loop with two entries", [[1, 2], [2], [1, 3], []]],
    ["a loop with two entries in a loop", [[1], [2, 3], [3], [2, 4], [1, 5], []]],
    ["blocks that nothing leads to", [[3], [2], [1], []]],
    ["a loop without an end", [[1], [2], [1]]],
  ] as const)("%s", (_, successors) => {
    for (const path of [[true], [false], [true, false], [false, false, true]])
      expect(emitted(successors, path)).toEqual(walked(successors, path));
  });

  it("takes ten thousand ifs, one behind the other", () => {
    const count = 10_000;
    const successors: number[][] = [];
    for (let i = 0; i < count; i++) successors.push([2 * i + 1, 2 * i + 2], [2 * i + 2]);
    successors.push([]);
    const path = [true, false, false];
    expect(emitted(successors, path)).toEqual(walked(successors, path));
  });

  it("takes ten thousand ifs that all lead to one end", () => {
    const count = 10_000;
    const successors: number[][] = Array.from({ length: count }, (_, i) => [i + 1, count]);
    successors.push([]);
    expect(emitted(successors, [false])).toEqual(walked(successors, [false]));
    expect(emitted(successors, [false, false, false, true])).toEqual([0, 1, 2, 3, count]);
  });

  it("takes loops nested a hundred deep", () => {
    const depth = 100;
    // Heads 1 to 100, then latches 101 to 200, the innermost first: each goes on to the next, or back to its head.
    const successors: number[][] = [[1]];
    for (let i = 1; i <= depth; i++) successors.push([i + 1]);
    for (let i = depth; i >= 1; i--) successors.push([2 * depth + 2 - i, i]);
    successors.push([]);
    for (const path of [[false], [true, false], [false, true, true]])
      expect(emitted(successors, path)).toEqual(walked(successors, path));
  });

  it("takes a loop with two entries over a thousand blocks", () => {
    const count = 1000;
    const successors: number[][] = Array.from({ length: count }, (_, i) => [i + 1]);
    successors[0] = [1, count / 2];
    successors[count - 1] = [count, 1];
    successors.push([]);
    for (const path of [[true], [false], [true, false]])
      expect(emitted(successors, path)).toEqual(walked(successors, path));
  });
});
