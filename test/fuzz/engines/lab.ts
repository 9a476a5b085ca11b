import { createHelpers, type Helper } from "../../../src/helpers/index.ts";
import { type Insn, WideKind, wideSlots } from "../../../src/isa/index.ts";
import { createMap, MapCode, type MapStorage } from "../../../src/maps/index.ts";
import { addressOf, createKernelMemory, type KernelMemory, RegionAccess } from "../../../src/mem/index.ts";
import { defaultLayout } from "../../../src/platform/index.ts";
import { BpfMapType } from "../../../src/uapi/index.ts";
import {
  type BpfExecutor,
  type CompiledProgram,
  createExecutor,
  type Engine,
  type EngineInput,
  type Fault,
  FunctionIndices,
  Interpreter,
  Jit,
} from "../../../src/vm/index.ts";
import type { Element, Inputs } from "./input.ts";
import { EXHAUSTED, type Laboratory, type Outcome } from "./outcome.ts";
import { allOf, CPU, CPUS, type FuzzMap, type FuzzProgram, MAPS, type MapName, PACKET } from "./program.ts";

/** Offset of the context in its block, and of the packet. */
const CONTEXT_SIZE = 16;
/** A run that takes more is one that the generator did not mean. */
const BUDGET = 2_000_000;

/** The JIT that begins with the baseline and goes over to optimised code: both have been seen by themselves. */
export const TIERED = "tiered";

/** Bytes of stack that frames of a run are in. */
const FRAMES = 64 * 512;

/** What programs run on. */
export const SUBJECTS: readonly {
  readonly name: string;
  readonly engine: () => Engine;
  readonly mode: EngineInput["mode"];
}[] = [
  { name: "interpreter", engine: () => new Interpreter(), mode: "checked" },
  { name: "baseline checked", engine: () => new Jit({ optimise: false }), mode: "checked" },
  { name: "baseline", engine: () => new Jit({ optimise: false }), mode: "verified" },
  { name: "optimised", engine: () => new Jit({ after: 0 }), mode: "verified" },
  { name: TIERED, engine: () => new Jit({ after: 3 }), mode: "verified" },
];

/** An engine with a memory, maps and a packet of its own. Programs come to it as fixups would leave them. */
export class Lab implements Laboratory {
  readonly name: string;
  readonly #mode: EngineInput["mode"];
  readonly #engine: Engine;
  readonly #cpu: number;
  /** What each byte of the stack is before a run; null: whatever was left there. */
  readonly #stack: number | null;
  readonly #memory: KernelMemory;
  readonly #executor: BpfExecutor;
  readonly #helpers: ReadonlyMap<number, Helper>;
  readonly #code: MapCode;
  readonly #maps: readonly MapStorage[];
  readonly #context: number;
  readonly #packet: number;
  /** For keys and values on their way to a map. */
  readonly #scratch: number;
  #programs: CompiledProgram[] = [];

  constructor(
    { name, engine, mode }: (typeof SUBJECTS)[number],
    options: { readonly cpu?: number; readonly budget?: number; readonly stack?: number } = {},
  ) {
    const { cpu = CPU, budget = BUDGET, stack = null } = options;
    this.#stack = stack;
    this.name = name;
    this.#cpu = cpu;
    this.#mode = mode;
    this.#engine = engine();
    const memory = createKernelMemory({ maximumPages: 1024, checking: true });
    this.#memory = memory;
    this.#executor = createExecutor(memory, { indices: new FunctionIndices() });
    this.#executor.cpu = cpu;
    this.#executor.budget = budget;
    const layout = defaultLayout();
    this.#helpers = createHelpers(layout);
    this.#code = new MapCode(memory, this.#executor);
    const environment = {
      memory,
      cpus: CPUS,
      bpfMapSize: layout.sizeOf("bpf_map"),
      random: () => 5,
      code: this.#code,
    };
    this.#maps = MAPS.map((map: FuzzMap) => {
      const storage = createMap(environment, { ...map, flags: 0 });
      if (typeof storage === "number") throw new Error(`map ${map.name}: ${storage}`);
      return storage;
    });
    this.#context = this.#block(CONTEXT_SIZE, "context");
    this.#packet = this.#block(PACKET, "packet");
    this.#scratch = memory.alloc(512, 16);
    const view = memory.view();
    view.setBigUint64(this.#context, addressOf(this.#packet), true);
    view.setBigUint64(this.#context + 8, addressOf(this.#packet + PACKET), true);
  }

  load(program: FuzzProgram): void {
    const mode = this.#mode;
    for (const insns of allOf(program)) {
      const linked = this.#linked(insns);
      this.#programs.push(
        this.#engine.compile({ name: "fuzz", helpers: this.#helpers, mode, ...linked }, this.#executor),
      );
    }
    const jumps = this.#storage("jumps");
    for (let slot = 0; slot < 4; slot++) jumps.setSlot(slot, this.#programs[slot + 1]?.entry ?? 0);
  }

  unload(): void {
    for (const program of this.#programs) program.close();
    this.#programs = [];
    this.#memory.executors.quiesce(this.#executor.id);
  }

  fill({ elements }: Inputs): void {
    for (const { name, type } of MAPS) {
      if (type === BpfMapType.HASH || type === BpfMapType.PERCPU_HASH)
        for (const key of this.#keys(name)) this.#delete(name, key);
    }
    for (const element of elements) this.#update(element);
  }

  run(packet: Uint8Array): Outcome {
    const bytes = this.#memory.bytes();
    bytes.set(packet, this.#packet);
    const { stackEnd } = this.#executor;
    if (this.#stack !== null) bytes.fill(this.#stack, stackEnd - FRAMES, stackEnd);
    const low = this.#programs[0]!.run(this.#context);
    const { fault, resultHigh } = this.#executor;
    return {
      result: fault === null ? [low >>> 0, resultHigh >>> 0] : [0, 0],
      fault: fault === null ? null : faultText(fault),
      packet: bytes.slice(this.#packet, this.#packet + PACKET),
      out: this.#value("out"),
    };
  }

  /** All elements of all maps; a per-CPU value is that of the CPU that programs run as. */
  contents(): readonly string[] {
    const lines: string[] = [];
    for (const { name, valueSize, type } of MAPS) {
      if (type === BpfMapType.PROG_ARRAY) continue;
      const found = this.#keys(name).map((key) => {
        const at = this.#find(name, key);
        return `${name} ${hex(key)}: ${hex(this.#memory.bytes().subarray(at, at + valueSize))}`;
      });
      lines.push(...found.sort());
    }
    return lines;
  }

  close(): void {
    this.unload();
  }

  #linked(code: readonly Insn[]): Pick<EngineInput, "insns" | "mapOfSlot"> {
    const insns = [...code];
    const mapOfSlot = new Map<number, number>();
    for (const slot of [0, 1]) {
      // data and data_end, as they lie in struct xdp_buff.
      const { dst, src, opcode } = insns[slot]!;
      if (opcode === LOAD_WORD) insns[slot] = { opcode: LOAD_DOUBLE, dst, src, off: 8 * slot, imm: 0 };
    }
    for (const [slot, { opcode, src, dst, imm }] of code.entries()) {
      if (opcode !== WIDE || (src !== WideKind.mapFd && src !== WideKind.mapValue)) continue;
      const { offset, values } = this.#maps[imm]!;
      if (src === WideKind.mapFd) mapOfSlot.set(slot, offset);
      const at = src === WideKind.mapFd ? offset : values + code[slot + 1]!.imm;
      insns.splice(slot, 2, ...wideSlots(dst, WideKind.imm, addressOf(at)));
    }
    return { insns, mapOfSlot };
  }

  #block(size: number, what: string): number {
    const start = this.#memory.alloc(size, 16);
    const access = RegionAccess.READ_WRITE;
    this.#memory.regions.add({ start, end: start + size, access, stride: 0, size: 0, what });
    return start;
  }

  #storage(name: MapName): MapStorage {
    return this.#maps[MAPS.findIndex((map) => map.name === name)]!;
  }

  #operations(name: MapName) {
    return this.#code.operations(this.#storage(name).shape);
  }

  #find(name: MapName, key: Uint8Array): number {
    this.#memory.bytes().set(key, this.#scratch);
    return this.#operations(name).lookup(this.#storage(name).offset, this.#scratch, this.#cpu) >>> 0;
  }

  #delete(name: MapName, key: Uint8Array): void {
    this.#memory.bytes().set(key, this.#scratch);
    this.#operations(name).delete(this.#storage(name).offset, this.#scratch);
  }

  #update({ map, key, value }: Element): void {
    const { offset } = this.#storage(map);
    const perCpu = MAPS.some(({ name, type }) => name === map && PER_CPU.has(type));
    const size = perCpu ? value.length / CPUS : value.length;
    for (let cpu = 0; cpu < (perCpu ? CPUS : 1); cpu++) {
      this.#memory.bytes().set(key, this.#scratch);
      this.#memory.bytes().set(value.subarray(cpu * size, (cpu + 1) * size), this.#scratch + 64);
      this.#operations(map).update(offset, this.#scratch, this.#scratch + 64, 0, perCpu ? cpu : this.#cpu);
    }
  }

  #value(name: MapName): Uint8Array {
    const { values } = this.#storage(name);
    const { valueSize } = MAPS.find((map) => map.name === name)!;
    return this.#memory.bytes().slice(values, values + valueSize);
  }

  #keys(name: MapName): Uint8Array[] {
    const { offset } = this.#storage(name);
    const { keySize } = MAPS.find((map) => map.name === name)!;
    const { nextKey } = this.#operations(name);
    const next = this.#scratch + 32;
    const keys: Uint8Array[] = [];
    for (let error = nextKey(offset, 0, next); error === 0; error = nextKey(offset, this.#scratch, next)) {
      const key = this.#memory.bytes().slice(next, next + keySize);
      keys.push(key);
      this.#memory.bytes().set(key, this.#scratch);
    }
    return keys;
  }
}

/**
 * The JIT counts block by block: where a run has used up its budget is not the same place everywhere. Nor is where a
 * callback finds no stack left (test/vm/engine/stack.test.ts).
 */
function faultText({ kind, slot, message }: Fault): string {
  if (kind === "budget") return EXHAUSTED;
  return kind === "stack" ? message : `slot ${slot}: ${kind}: ${message}`;
}

const PER_CPU: ReadonlySet<number> = new Set([BpfMapType.PERCPU_ARRAY, BpfMapType.PERCPU_HASH]);
const LOAD_WORD = 0x61;
const LOAD_DOUBLE = 0x79;
const WIDE = 0x18;

export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
