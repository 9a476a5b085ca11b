import type { Helper, HelperServices } from "../../src/helpers/index.ts";
import { decode, type Insn, ProgramBuilder } from "../../src/isa/index.ts";
import { createKernelMemory, type KernelMemory, RegionAccess } from "../../src/mem/index.ts";
import {
  type BpfExecutor,
  type CompiledProgram,
  createExecutor,
  type Engine,
  type EngineInput,
  FunctionIndices,
  Interpreter,
  Jit,
} from "../../src/vm/index.ts";

export type Build = (builder: ProgramBuilder) => void;

/** Services that give the same answers each time. */
export class TestServices implements HelperServices {
  readonly lines: string[] = [];
  time = 1_234_567_890_123;

  monotonic(): number {
    return this.time;
  }

  boottime(): number {
    return this.time + 1;
  }

  random(): number {
    return 0xdead_beef;
  }

  trace(text: Uint8Array): void {
    this.lines.push(new TextDecoder().decode(text.slice()));
  }
}

/** Engines of the bare machine. */
export const ENGINES: readonly Engine["name"][] = ["interp", "jit"];

/** Engines of a bench: the interpreter, and both tiers of the JIT. */
export const TIERS = ["interp", "baseline", "optimised"] as const;
export type Tier = (typeof TIERS)[number];

export function engineOf(tier: Tier): Engine {
  return tier === "interp" ? new Interpreter() : new Jit({ optimise: tier === "optimised", after: 0 });
}

/** A small kernel memory with an executor and an engine. */
export class Bench {
  readonly memory: KernelMemory;
  readonly services = new TestServices();
  readonly executor: BpfExecutor;
  readonly engine: Engine;
  readonly helpers: ReadonlyMap<number, Helper>;

  constructor(helpers: ReadonlyMap<number, Helper> = new Map(), engine: Tier = "interp") {
    this.engine = engineOf(engine);
    this.memory = createKernelMemory({ maximumPages: 1024, checking: true });
    this.executor = createExecutor(this.memory, { indices: new FunctionIndices(), services: this.services });
    this.helpers = helpers;
  }

  compile(code: Build | readonly Insn[] | Uint8Array, options: Partial<EngineInput> = {}): CompiledProgram {
    const insns = typeof code === "function" ? built(code) : code instanceof Uint8Array ? decode(code) : code;
    const input: EngineInput = {
      name: "test",
      insns,
      helpers: this.helpers,
      mode: "checked",
      mapOfSlot: new Map(),
      ...options,
    };
    return this.engine.compile(input, this.executor);
  }

  /** Runs once; throws where the run ended with a fault. @returns all 64 bits of r0. */
  run(program: CompiledProgram, context = 0): bigint {
    const low = program.run(context);
    const { fault } = this.executor;
    if (fault !== null) throw new Error(`${fault.kind} at ${fault.slot}: ${fault.message}`);
    return (BigInt(this.executor.resultHigh >>> 0) << 32n) | BigInt(low >>> 0);
  }

  /** A block that programs may access. */
  block(size: number, access: number = RegionAccess.READ_WRITE, what = "block"): number {
    const start = this.memory.alloc(size, 16);
    this.memory.regions.add({ start, end: start + size, access, stride: 0, size: 0, what });
    return start;
  }
}

export function built(code: Build): readonly Insn[] {
  const builder = new ProgramBuilder();
  code(builder);
  return builder.insns();
}
