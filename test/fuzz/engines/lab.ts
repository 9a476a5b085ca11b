import {
  createHelpers,
  createKfuncs,
  freeValue,
  type Helper,
  type Kfunc,
} from "../../../src/helpers/index.ts";
import { type Insn, WideKind, wideSlots } from "../../../src/isa/index.ts";
import { createMap, isPerCpuType, MapCode, type MapStorage, RecordBlocks } from "../../../src/maps/index.ts";
import { addressOf, createKernelMemory, type KernelMemory, RegionAccess } from "../../../src/mem/index.ts";
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
import { ObjectArea } from "./object-area.ts";
import { EXHAUSTED, type Laboratory, type Outcome } from "./outcome.ts";
import {
  ARENA_PRESENT,
  allOf,
  CPU,
  CPUS,
  type FuzzMap,
  type FuzzProgram,
  type FuzzType,
  MAPS,
  type MapName,
  PACKET,
  SLOTS,
} from "./program.ts";
import { NODE_SIZE } from "./types.ts";
import type { Prepared, Workshop } from "./workshop.ts";

/** A run that takes more is one that the generator did not mean. */
const BUDGET = 2_000_000;

/** The JIT that begins with the baseline and goes over to optimised code: both have been seen by themselves. */
export const TIERED = "tiered";
/** The JIT that tests every access: wild programs are what shows whether it does. */
export const CHECKED = "baseline checked";

/** Bytes of stack that frames of a run are in. */
const FRAMES = 64 * 512;

/** What programs run on. */
export interface Subject {
  readonly name: string;
  readonly engine: () => Engine;
  readonly mode: EngineInput["mode"];
}

export const SUBJECTS: readonly Subject[] = [
  { name: "interpreter", engine: () => new Interpreter(), mode: "checked" },
  { name: CHECKED, engine: () => new Jit({ optimise: false }), mode: "checked" },
  { name: "baseline", engine: () => new Jit({ optimise: false }), mode: "verified" },
  { name: "optimised", engine: () => new Jit({ after: 0 }), mode: "verified" },
  { name: TIERED, engine: () => new Jit({ after: 3 }), mode: "verified" },
];

/**
 * An engine with a memory, maps and a packet of its own. Programs come to it as fixups leave them, or (`raw`) as if the
 * two loads of the packet's place were all that fixups have to do with.
 *
 * All of one workshop have everything at the same places: what a program left in their memories can be compared as it is.
 */
export class Lab implements Laboratory {
  readonly name: string;
  readonly #mode: EngineInput["mode"];
  readonly #engine: Engine;
  readonly #cpu: number;
  /** What each byte of the stack is before a run; null: whatever was left there. */
  readonly #stack: number | null;
  readonly #raw: boolean;
  readonly #workshop: Workshop;
  readonly #memory: KernelMemory;
  readonly #executor: BpfExecutor;
  readonly #helpers: ReadonlyMap<number, Helper>;
  readonly #kfuncs: ReadonlyMap<string, Kfunc>;
  readonly #code: MapCode;
  readonly #maps: readonly MapStorage[];
  readonly #objects: ObjectArea;
  readonly #context: number;
  readonly #packet: number;
  /** For keys and values on their way to a map. */
  readonly #scratch: number;
  /** Where maps and objects are, and what is there as long as nothing has happened. */
  readonly #start: number;
  readonly #end: number;
  readonly #fresh: Uint8Array;
  #programs: CompiledProgram[] = [];
  #type: FuzzType = "xdp";

  constructor(
    { name, engine, mode }: Subject,
    workshop: Workshop,
    options: {
      readonly cpu?: number;
      readonly budget?: number;
      readonly stack?: number;
      readonly raw?: boolean;
    } = {},
  ) {
    const { cpu = CPU, budget = BUDGET, stack = null, raw = false } = options;
    this.#stack = stack;
    this.#raw = raw;
    this.#workshop = workshop;
    this.name = name;
    this.#cpu = cpu;
    this.#mode = mode;
    this.#engine = engine();
    const memory = createKernelMemory({ maximumPages: 1024, checking: true });
    this.#memory = memory;
    const arena = (map: number) => this.#maps.find(({ offset }) => offset === map)?.arena ?? null;
    this.#executor = createExecutor(memory, {
      indices: new FunctionIndices(),
      services: {
        monotonic: () => 1,
        boottime: () => 1,
        random: () => 5,
        trace: () => {},
        cpus: CPUS,
        kernelTypes: () => workshop.btf,
        arena,
        // Read when a program allocates: after the constructor.
        objects: {
          allocate: (size) => this.#objects.allocate(size),
          release: (at) => this.#objects.release(at),
        },
      },
    });
    this.#executor.cpu = cpu;
    this.#executor.budget = budget;
    const { layout } = workshop;
    this.#helpers = createHelpers(layout, "xdp");
    this.#kfuncs = createKfuncs(layout);
    this.#code = new MapCode(memory, this.#executor);
    const environment = {
      memory,
      cpus: CPUS,
      bpfMapSize: layout.sizeOf("bpf_map"),
      random: () => 5,
      code: this.#code,
      freeFields: (map: number, value: number) => freeValue(this.#executor.call, map >>> 0, value >>> 0),
    };
    this.#start = this.#border() + BORDER;
    this.#maps = MAPS.map((map: FuzzMap, index) => {
      const record = workshop.fieldsOf(index);
      const storage = createMap(environment, {
        flags: 0,
        ...map,
        ...(record === undefined ? {} : { record }),
      });
      if (typeof storage === "number") throw new Error(`map ${map.name}: ${storage}`);
      if (map.extra !== undefined) storage.arena?.moveTo(map.extra);
      return storage;
    });
    const nodeRecord = new RecordBlocks(memory).offsetOf(workshop.nodeFields);
    this.#objects = new ObjectArea(memory, [NODE_SIZE, layout.sizeOf("bpf_cpumask")]);
    const size = layout.sizeOf("xdp_buff");
    this.#context = this.#block(size, "context");
    this.#packet = this.#block(HEADROOM + PAGE, "packet") + HEADROOM;
    this.#scratch = memory.alloc(512, 16);
    this.#end = this.#border();
    const view = memory.view();
    const fields = {
      data: this.#packet,
      data_end: this.#packet + PACKET,
      data_meta: this.#packet,
      data_hard_start: this.#packet - HEADROOM,
    };
    for (const [field, at] of Object.entries(fields))
      view.setBigUint64(this.#context + layout.offset(`xdp_buff.${field}`), addressOf(at), true);
    view.setUint32(this.#context + layout.offset("xdp_buff.frame_sz"), HEADROOM + PAGE, true);
    this.#fresh = memory.bytes().slice(this.#start, this.#end);
    workshop.settle({
      maps: this.#maps.map(({ offset, values, arena }) => ({ offset, values, arena: arena?.offset ?? 0 })),
      nodeRecord,
    });
  }

  load(program: FuzzProgram): void {
    const mode = this.#mode;
    this.#type = program.type;
    const all: readonly Prepared[] = this.#raw
      ? allOf(program).map(({ insns }) => this.#linked(insns))
      : this.#workshop.prepare(program);
    const shared = { name: "fuzz", helpers: this.#helpers, kfuncs: this.#kfuncs, mode };
    for (const prepared of all)
      this.#programs.push(this.#engine.compile({ ...shared, ...prepared }, this.#executor));
  }

  unload(): void {
    this.arrange([]);
    for (const program of this.#programs) program.close();
    this.#programs = [];
    this.#memory.executors.quiesce(this.#executor.id);
  }

  fill(inputs: Inputs): void {
    const bytes = this.#memory.bytes();
    bytes.set(this.#fresh, this.#start);
    this.#objects.clear();
    for (const { arena } of this.#maps) {
      arena?.release(0, arena.pages);
      arena?.allocate(0, ARENA_PRESENT);
    }
    for (const element of inputs.elements) this.#update(element);
  }

  arrange(slots: readonly number[]): void {
    const jumps = this.#storage("jumps");
    for (let slot = 0; slot < SLOTS; slot++)
      jumps.setSlot(slot, this.#programs[slots[slot] ?? NO_PROGRAM]?.entry ?? 0);
  }

  run(packet: Uint8Array): Outcome {
    const bytes = this.#memory.bytes();
    bytes.set(packet, this.#packet);
    const { stackEnd } = this.#executor;
    if (this.#stack !== null) bytes.fill(this.#stack, stackEnd - FRAMES, stackEnd);
    const low = this.#programs[0]!.run(this.#type === "xdp" ? this.#context : this.#packet);
    const { fault, resultHigh } = this.#executor;
    return {
      result: fault === null ? [low >>> 0, resultHigh >>> 0] : [0, 0],
      fault: fault === null ? null : faultText(fault),
      packet: bytes.slice(this.#packet, this.#packet + PACKET),
      out: this.#value("out"),
    };
  }

  /** All elements of all maps that any kernel has; a per-CPU value is that of the CPU that programs run as. */
  contents(): readonly string[] {
    const lines: string[] = [];
    for (const { name, valueSize, type, own } of MAPS as readonly FuzzMap[]) {
      if (type === BpfMapType.PROG_ARRAY || own === true) continue;
      const map = name as MapName;
      const found = this.#keys(map).map((key) => {
        const at = this.#find(map, key);
        return `${name} ${hex(key)}: ${hex(this.#memory.bytes().subarray(at, at + valueSize))}`;
      });
      lines.push(...found.sort());
    }
    return lines;
  }

  image(): Uint8Array {
    // Entries of programs are each engine's own.
    this.arrange([]);
    return this.#memory.bytes().subarray(this.#start, this.#end);
  }

  whatIsAt(place: number): string {
    const at = this.#start + place;
    const before = [...this.#maps.entries()].filter(([, { offset }]) => offset <= at);
    const [index, { offset }] = before.at(-1) ?? [0, { offset: this.#start }];
    return `${MAPS[index]!.name}+${at - offset}`;
  }

  close(): void {
    this.unload();
  }

  #linked(code: readonly Insn[]): Prepared {
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

  /** A block that all that is there lies below, and all that comes later above. */
  #border(): number {
    const { executors } = this.#memory;
    for (let epoch = 0; epoch < EPOCHS; epoch++) executors.quiesce(this.#executor.id);
    const border = this.#memory.alloc(BORDER);
    for (let size = BORDER; size >= 1; size /= 2) while (this.#memory.alloc(size) < border);
    return border;
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

  #update({ map, key, value }: Element): void {
    const { offset, arena } = this.#storage(map);
    const bytes = this.#memory.bytes();
    if (arena !== null) {
      bytes.set(value, arena.offsetOf(0) + new DataView(key.buffer).getUint32(0, true));
      return;
    }
    const perCpu = MAPS.some(({ name, type }) => name === map && isPerCpuType(type));
    const size = perCpu ? value.length / CPUS : value.length;
    const { update, push } = this.#operations(map);
    for (let cpu = 0; cpu < (perCpu ? CPUS : 1); cpu++) {
      bytes.set(key, this.#scratch);
      bytes.set(value.subarray(cpu * size, (cpu + 1) * size), this.#scratch + 64);
      if (push !== undefined) push(offset, this.#scratch + 64, 0);
      else update(offset, this.#scratch, this.#scratch + 64, 0, perCpu ? cpu : this.#cpu);
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

/** Of `arrange`: no program has this number. */
const NO_PROGRAM = -1;
/** Bytes of a block that is larger than what was given back anywhere. */
const BORDER = 65_536;
/** After so many, what was retired is given back. */
const EPOCHS = 4;
/** Bytes in front of a packet, and of the rest of its frame. */
const HEADROOM = 256;
const PAGE = 4096;
const LOAD_WORD = 0x61;
const LOAD_DOUBLE = 0x79;
const WIDE = 0x18;

export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
