// From fixed-up code to an instance that can run: microseconds for each instruction, by size of the program.

import { type Insn, ProgramBuilder, r0, r1, r6, r7, r8, r9, r10 } from "../../src/isa/index.ts";
import { createKernelMemory } from "../../src/mem/index.ts";
import { type BpfExecutor, createExecutor, FunctionIndices, Jit } from "../../src/vm/index.ts";
import { quantileOf } from "./timing.ts";

const SIZES = [100, 1000, 10_000, 100_000] as const;
/** Each program is another one: engines keep what they have compiled, by its bytes. */
type Generator = (size: number, salt: number) => Insn[];

/** Arithmetic, shifts, loads and stores of context and stack, one behind the other. */
function straight(size: number, salt: number): Insn[] {
  const builder = new ProgramBuilder().mov64(r6, r1).mov64(r7, salt).mov64(r8, 3);
  for (let i = 0; builder.length < size - 10; i++) {
    const at = -8 * (1 + (i % 32));
    builder.ldx("w", r9, r6, 4 * (i % 16)).alu64("add", r7, r9);
    builder
      .alu64("mul", r7, 0x9e3779b + i)
      .alu32("xor", r8, r7)
      .alu32("rsh", r8, 5);
    builder.stx("dw", r10, r7, at).ldx("dw", r9, r10, at).alu64("add", r8, r9);
  }
  return padded(builder, size);
}

/** A branch every fifth instruction: forward over some, into the other arm, and back in short loops. */
function branchy(size: number, salt: number): Insn[] {
  const builder = new ProgramBuilder().mov64(r6, r1).mov64(r7, salt).mov64(r8, 3);
  for (let i = 0; builder.length < size - 20; i++) {
    builder.ldx("w", r9, r6, 4 * (i % 16)).mov64(r0, i % 3);
    builder
      .label(`again${i}`)
      .alu64("add", r7, r9)
      .branch("jgt", r7, 1000 + i, `else${i}`);
    builder
      .alu64("xor", r8, r7)
      .branch32("jset", r9, 1 << (i % 31), `join${i}`)
      .alu64("add", r8, 7);
    builder.ja(`join${i}`).label(`else${i}`).alu64("rsh", r7, 3).alu32("sub", r8, r7);
    builder.label(`join${i}`).alu64("sub", r0, 1).branch("jsgt", r0, 0, `again${i}`);
  }
  return padded(builder, size);
}

function padded(builder: ProgramBuilder, size: number): Insn[] {
  while (builder.length < size - 2) builder.alu64("add", r7, r8);
  return builder.mov64(r0, r7).exit().insns();
}

/** Of the JIT: what it makes at once, and what costs it more time and gives better code. */
const TIERS = ["baseline", "optimised"] as const;
type Tier = (typeof TIERS)[number];

interface Compilation {
  /** To the instance, and then of the first run, in microseconds. */
  readonly compile: number;
  readonly first: number;
}

/** What is compiled for, and a context for the first run. */
interface Place {
  readonly executor: BpfExecutor;
  readonly context: number;
}

function compilation({ executor, context }: Place, tier: Tier, insns: readonly Insn[]): Compilation {
  const start = performance.now();
  const program = new Jit({ optimise: tier === "optimised", after: 0 }).compile(
    { name: "generated", insns, helpers: new Map(), mode: "verified", mapOfSlot: new Map() },
    executor,
  );
  const compiled = performance.now();
  program.run(context);
  const end = performance.now();
  program.close();
  executor.memory.executors.quiesce(executor.id);
  return { compile: (compiled - start) * 1000, first: (end - compiled) * 1000 };
}

export interface CompileRow {
  readonly tier: Tier;
  readonly code: string;
  readonly instructions: number;
  /** Microseconds for each instruction: to the instance, and of the first run, which compiles lazily. */
  readonly compile: number;
  readonly first: number;
  /** Why there are no times; null where there are. */
  readonly failure: string | null;
}

/** Of all programs of a size together, in milliseconds; one is compiled in any case. */
const LONGEST = 2000;

const KINDS: readonly (readonly [string, Generator])[] = [
  ["straight", straight],
  ["branchy", branchy],
];

class CompileBench {
  readonly #place: Place;
  readonly #rounds: number;
  #salt = 1;

  constructor(rounds: number) {
    const memory = createKernelMemory({ maximumPages: 1024 });
    const executor = createExecutor(memory, { indices: new FunctionIndices() });
    this.#place = { executor, context: memory.alloc(64) };
    this.#rounds = rounds;
  }

  /** The compiler of this project is itself compiled by then. */
  warmUp(tier: Tier): void {
    const end = performance.now() + LONGEST;
    while (performance.now() < end)
      for (const [, generate] of KINDS) compilation(this.#place, tier, generate(1000, this.#salt++));
  }

  row(tier: Tier, code: string, generate: Generator, size: number): CompileRow {
    const row = { tier, code, instructions: size };
    const all: Compilation[] = [];
    const end = performance.now() + LONGEST;
    try {
      do all.push(compilation(this.#place, tier, generate(size, this.#salt++)));
      while (all.length < this.#rounds && performance.now() < end);
    } catch (error) {
      return { ...row, compile: Number.NaN, first: Number.NaN, failure: (error as Error).message };
    }
    const each = (times: readonly number[]) => quantileOf(times, 0.2) / size;
    return {
      ...row,
      compile: each(all.map(({ compile }) => compile)),
      first: each(all.map(({ first }) => first)),
      failure: null,
    };
  }
}

/** @param rounds the most programs of a size that are compiled; of their times the 20th percentile counts. */
export function compileTimes(rounds: number): CompileRow[] {
  const bench = new CompileBench(rounds);
  return TIERS.flatMap((tier) => {
    if (rounds > 1) bench.warmUp(tier);
    return KINDS.flatMap(([code, generate]) => SIZES.map((size) => bench.row(tier, code, generate, size)));
  });
}

/** Microseconds that V8 takes for a module with nothing in it: no program can cost less. */
export function emptyModuleTime(rounds: number): number {
  const times = Array.from({ length: rounds }, (_, i) => {
    const start = performance.now();
    new WebAssembly.Module(emptyModule(i));
    return (performance.now() - start) * 1000;
  });
  return quantileOf(times, 0.2);
}

/** Each another one: a section of its own that says nothing. */
function emptyModule(salt: number): Uint8Array {
  const section = [0, 5, 1, 0x78, salt & 0x7f, (salt >> 7) & 0x7f, salt >> 14];
  return Uint8Array.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, ...section]);
}

export interface CompileLine {
  /** Microseconds of a program, however short. */
  readonly fixed: number;
  /** And of each instruction. */
  readonly each: number;
}

/** The line through times of programs of several sizes that misses each by the smallest part of it. */
export function lineThrough(rows: readonly Pick<CompileRow, "instructions" | "compile">[]): CompileLine {
  let [ones, sizes, squares, times, products] = [0, 0, 0, 0, 0];
  for (const { instructions, compile } of rows) {
    const time = compile * instructions;
    const weight = 1 / time ** 2;
    ones += weight;
    sizes += weight * instructions;
    squares += weight * instructions ** 2;
    times += weight * time;
    products += weight * instructions * time;
  }
  const determinant = ones * squares - sizes ** 2;
  return {
    fixed: (times * squares - sizes * products) / determinant,
    each: (ones * products - sizes * times) / determinant,
  };
}

/** @param empty see {@link emptyModuleTime}. */
export function compileText(rows: readonly CompileRow[], empty: number): string {
  const compiled = rows.filter(({ failure }) => failure === null);
  const widest = (of: Tier) =>
    Math.max(...compiled.filter(({ tier }) => tier === of).map(({ compile }) => compile));
  const lines = rows.map(({ tier, code, instructions, compile, first, failure }) => {
    const bar = "█".repeat(Math.max(1, Math.round((compile / widest(tier)) * 40)));
    const numbers = `${compile.toFixed(2).padStart(8)} µs${first.toFixed(2).padStart(8)} µs  ${bar}`;
    const size = instructions.toLocaleString("en").padStart(8);
    return `  ${tier.padEnd(10)}${code.padEnd(9)}${size}${failure === null ? numbers : `  ${failure}`}\n`;
  });
  const head = `${"  tier".padEnd(12)}${"code".padEnd(9)}${"insns".padStart(8)}${"compile".padStart(11)}${"first run".padStart(11)}\n`;
  return `microseconds for each instruction: even bars of a tier are a straight line\n${head}${lines.join("")}${linesText(compiled)}an empty module: ${empty.toFixed(0)} µs\n`;
}

function linesText(rows: readonly CompileRow[]): string {
  const kinds = new Set(rows.map(({ tier, code }) => `${tier} ${code}`));
  const texts = [...kinds].map((kind) => {
    const { fixed, each } = lineThrough(rows.filter(({ tier, code }) => `${tier} ${code}` === kind));
    return `  ${kind.padEnd(20)}${fixed.toFixed(0).padStart(6)} µs + ${each.toFixed(2)} µs for each instruction\n`;
  });
  return texts.join("");
}
