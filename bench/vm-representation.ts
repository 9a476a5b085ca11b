// Which form 64-bit values take in an interpreter: the same five-instruction loop on three miniature interpreters, with
// the registers as a BigUint64Array, as pairs of 32-bit numbers, and in the emitted Wasm interpreter.
//
//   npx esbuild bench/vm-representation.ts --bundle --platform=node --format=esm --outfile=.cache/bench-vm-representation.mjs
//   node .cache/bench-vm-representation.mjs

import { type Insn, lookup, Operation, ProgramBuilder, r0, r1 } from "../src/isa/index.ts";
import { createKernelMemory } from "../src/mem/index.ts";
import { createExecutor, FunctionIndices, Interpreter } from "../src/vm/index.ts";

const ITERATIONS = 400_000;
const INSTRUCTIONS = 5 * ITERATIONS + 3;

const program = new ProgramBuilder()
  .mov64(r0, 0)
  .mov64(r1, 0)
  .label("top")
  .alu64("add", r0, r1)
  .alu64("xor", r0, 0x5bd1e995)
  .alu64("mul", r0, 33)
  .alu64("add", r1, 1)
  .branch("jlt", r1, ITERATIONS, "top")
  .exit()
  .insns();

interface Decoded {
  readonly operation: number;
  readonly register: boolean;
  readonly dst: number;
  readonly src: number;
  readonly off: number;
  readonly imm: number;
  readonly wide: bigint;
}

function decoded(insns: readonly Insn[]): Decoded[] {
  return insns.map((insn) => {
    const row = lookup(insn)!;
    return {
      operation: row.operation,
      register: row.source === "reg",
      dst: insn.dst,
      src: insn.src,
      off: insn.off,
      imm: insn.imm,
      wide: BigInt.asUintN(64, BigInt(insn.imm)),
    };
  });
}

function withBigints(code: readonly Decoded[]): bigint {
  const registers = new BigUint64Array(11);
  for (let pc = 0; ; pc++) {
    const insn = code[pc]!;
    const { dst } = insn;
    const operand = insn.register ? registers[insn.src]! : insn.wide;
    switch (insn.operation) {
      case Operation.mov:
        registers[dst] = operand;
        break;
      case Operation.add:
        registers[dst] = registers[dst]! + operand;
        break;
      case Operation.xor:
        registers[dst] = registers[dst]! ^ operand;
        break;
      case Operation.mul:
        registers[dst] = registers[dst]! * operand;
        break;
      case Operation.jlt:
        if (registers[dst]! < operand) pc += insn.off;
        break;
      default:
        return registers[0]!;
    }
  }
}

function withPairs(code: readonly Decoded[]): bigint {
  const low = new Int32Array(11);
  const high = new Int32Array(11);
  for (let pc = 0; ; pc++) {
    const insn = code[pc]!;
    const { dst } = insn;
    const bLow = insn.register ? low[insn.src]! : insn.imm;
    const bHigh = insn.register ? high[insn.src]! : insn.imm >> 31;
    const aLow = low[dst]!;
    const aHigh = high[dst]!;
    switch (insn.operation) {
      case Operation.mov:
        low[dst] = bLow;
        high[dst] = bHigh;
        break;
      case Operation.add: {
        const sum = (aLow + bLow) | 0;
        low[dst] = sum;
        high[dst] = aHigh + bHigh + (sum >>> 0 < aLow >>> 0 ? 1 : 0);
        break;
      }
      case Operation.xor:
        low[dst] = aLow ^ bLow;
        high[dst] = aHigh ^ bHigh;
        break;
      case Operation.mul: {
        // The high half of the product of the low halves, from 16-bit parts.
        const [a0, a1, b0, b1] = [aLow & 0xffff, aLow >>> 16, bLow & 0xffff, bLow >>> 16];
        const middle = a1 * b0 + ((a0 * b0) >>> 16);
        const carry = a0 * b1 + (middle & 0xffff);
        const upper = a1 * b1 + Math.floor(middle / 65536) + Math.floor(carry / 65536);
        low[dst] = Math.imul(aLow, bLow);
        high[dst] = (upper | 0) + Math.imul(aHigh, bLow) + Math.imul(aLow, bHigh);
        break;
      }
      case Operation.jlt:
        if (aHigh === bHigh ? aLow >>> 0 < bLow >>> 0 : aHigh >>> 0 < bHigh >>> 0) pc += insn.off;
        break;
      default:
        return (BigInt(high[0]! >>> 0) << 32n) | BigInt(low[0]! >>> 0);
    }
  }
}

function best(run: () => void): number {
  const until = performance.now() + 300;
  while (performance.now() < until) run();
  let least = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 9; round++) {
    const start = performance.now();
    run();
    least = Math.min(least, performance.now() - start);
  }
  return (least * 1e6) / INSTRUCTIONS;
}

export function main(): void {
  const code = decoded(program);
  const memory = createKernelMemory({ maximumPages: 64 });
  const executor = createExecutor(memory, { indices: new FunctionIndices() });
  const compiled = new Interpreter().compile(
    { name: "loop", insns: program, helpers: new Map(), mode: "checked", mapOfSlot: new Map() },
    executor,
  );
  const emitted = () => {
    const low = compiled.run(0);
    return (BigInt(executor.resultHigh >>> 0) << 32n) | BigInt(low >>> 0);
  };
  const results = [withBigints(code), withPairs(code), emitted()];
  if (new Set(results).size !== 1) throw new Error(`the three differ: ${results.join()}`);
  console.log(`64-bit values in an interpreter, Node ${process.version}; ns an instruction\n`);
  console.log(`BigUint64Array      ${best(() => withBigints(code)).toFixed(2)}`);
  console.log(`pairs of int32      ${best(() => withPairs(code)).toFixed(2)}`);
  console.log(`emitted Wasm        ${best(emitted).toFixed(2)}`);
}

if (process.argv[1]?.includes("vm-representation")) main();
