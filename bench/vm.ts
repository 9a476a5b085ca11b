// Instructions a second of the interpreter, in both modes, on four programs:
//
//   alu     64-bit arithmetic in a loop of five instructions
//   alu32   the same with 32-bit arithmetic
//   mixed   a hash over a kilobyte of memory: loads of each size, stack stores, branches, shifts, a local call
//   chase   a pointer chase through memory
//
//   npx esbuild bench/vm.ts --bundle --platform=node --format=esm --outfile=.cache/bench-vm.mjs
//   node .cache/bench-vm.mjs              all programs
//   node .cache/bench-vm.mjs hex mixed    a program's bytes, for other engines (r1 = memory of 1024 bytes, r2 = 1024)

import { hexOf } from "../src/base/index.ts";
import {
  encode,
  type Insn,
  ProgramBuilder,
  r0,
  r1,
  r2,
  r3,
  r4,
  r5,
  r6,
  r7,
  r8,
  r9,
  r10,
} from "../src/isa/index.ts";
import { createKernelMemory, RegionAccess } from "../src/mem/index.ts";
import { createExecutor, FunctionIndices, Interpreter, Vm } from "../src/vm/index.ts";

const MEMORY = 1024;
const ROUNDS = 9;

const alu = (iterations: number): Insn[] =>
  new ProgramBuilder()
    .mov64(r0, 0)
    .mov64(r1, 0)
    .label("top")
    .alu64("add", r0, r1)
    .alu64("xor", r0, 0x5bd1e995)
    .alu64("mul", r0, 33)
    .alu64("add", r1, 1)
    .branch("jlt", r1, iterations, "top")
    .exit()
    .insns();

const alu32 = (iterations: number): Insn[] =>
  new ProgramBuilder()
    .mov64(r0, 0)
    .mov64(r1, 0)
    .label("top")
    .alu32("add", r0, r1)
    .alu32("xor", r0, 0x5bd1e995)
    .alu32("mul", r0, 33)
    .alu32("add", r1, 1)
    .branch32("jlt", r1, iterations, "top")
    .exit()
    .insns();

const mixed = (iterations: number): Insn[] =>
  new ProgramBuilder()
    .mov64(r6, r1)
    .mov64(r7, iterations)
    .mov64(r8, 0)
    .mov64(r9, 0x1234)
    .label("top")
    .mov64(r3, r8)
    .alu64("and", r3, MEMORY - 8)
    .mov64(r2, r6)
    .alu64("add", r2, r3)
    .ldx("b", r3, r2, 0)
    .ldx("h", r4, r2, 2)
    .ldx("w", r5, r2, 4)
    .alu64("xor", r9, r3)
    .alu64("mul", r9, 0x0100_0193)
    .stx("dw", r10, r9, -8)
    .branch("jset", r4, 1, "odd")
    .alu64("add", r9, r5)
    .ja("join")
    .label("odd")
    .mov64(r0, r9)
    .alu64("rsh", r0, 13)
    .alu64("xor", r9, r0)
    .label("join")
    .ldx("dw", r1, r10, -8)
    .alu64("add", r9, r1)
    .alu64("add", r8, 24)
    .alu64("sub", r7, 1)
    .branch("jset", r7, 15, "more")
    .mov64(r1, r9)
    .callLocal("fold")
    .mov64(r9, r0)
    .label("more")
    .branch("jne", r7, 0, "top")
    .mov64(r0, r9)
    .exit()
    .label("fold")
    .mov64(r0, r1)
    .alu64("lsh", r0, 7)
    .alu64("arsh", r1, 57)
    .alu64("or", r0, r1)
    .exit()
    .insns();

/** Memory holds indices: each word leads to another. */
const chase = (iterations: number): Insn[] =>
  new ProgramBuilder()
    .mov64(r0, 0)
    .mov64(r7, iterations)
    .label("top")
    .mov64(r2, r1)
    .alu64("add", r2, r0)
    .ldx("dw", r0, r2, 0)
    .alu64("and", r0, MEMORY - 8)
    .alu64("sub", r7, 1)
    .branch("jne", r7, 0, "top")
    .exit()
    .insns();

const PROGRAMS = { alu, alu32, mixed, chase } as const;
type Name = keyof typeof PROGRAMS;
const ITERATIONS: Readonly<Record<Name, number>> = {
  alu: 2_000_000,
  alu32: 2_000_000,
  mixed: 500_000,
  chase: 1_000_000,
};

/** The same bytes for every engine. */
function memoryContent(): Uint8Array {
  return Uint8Array.from({ length: MEMORY }, (_, i) => (i * 167 + 13) & 0xff);
}

/** Milliseconds of the best of several rounds, after some to warm up: the optimising compiler works beside. */
function best(run: () => void): number {
  const until = performance.now() + 400;
  while (performance.now() < until) run();
  let least = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS; round++) {
    const start = performance.now();
    run();
    least = Math.min(least, performance.now() - start);
  }
  return least;
}

interface Row {
  readonly program: string;
  readonly engine: string;
  /** Millions of instructions a second. */
  readonly rate: number;
}

function measure(name: Name): Row[] {
  const insns = PROGRAMS[name](ITERATIONS[name]);
  const memory = createKernelMemory({ maximumPages: 1024 });
  const executor = createExecutor(memory, { indices: new FunctionIndices() });
  const engine = new Interpreter();
  const block = memory.alloc(MEMORY);
  memory.bytes().set(memoryContent(), block);
  memory.regions.add({
    start: block,
    end: block + MEMORY,
    access: RegionAccess.READ_WRITE,
    stride: 0,
    size: 0,
    what: "memory",
  });
  const rows: Row[] = [];
  let count = 0;
  for (const mode of ["checked", "verified"] as const) {
    const program = engine.compile({ name, insns, helpers: new Map(), mode, mapOfSlot: new Map() }, executor);
    const ms = best(() => program.run(block));
    if (executor.fault !== null) throw new Error(executor.fault.message);
    if (mode === "checked") count = executor.executed;
    rows.push({ program: name, engine: mode, rate: count / ms / 1000 });
  }
  const vm = new Vm(insns);
  const content = memoryContent();
  rows.push({ program: name, engine: "Vm", rate: count / best(() => vm.run(content)) / 1000 });
  return rows;
}

export function main(args: readonly string[] = []): void {
  if (args[0] === "hex") {
    const name = args[1] as Name;
    console.log(hexOf(encode(PROGRAMS[name](Number(args[2] ?? ITERATIONS[name])))));
    return;
  }
  console.log(`interpreter, Node ${process.version}: millions of instructions a second\n`);
  for (const name of Object.keys(PROGRAMS) as Name[]) {
    for (const { program, engine, rate } of measure(name)) {
      console.log(`${program.padEnd(8)}${engine.padEnd(10)}${rate.toFixed(0).padStart(6)}`);
    }
  }
}

if (process.argv[1]?.includes("bench-vm.")) main(process.argv.slice(2));
