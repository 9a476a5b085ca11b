import { hexOf } from "../base/index.ts";
import type { Btf } from "../btf/index.ts";
import {
  type ContextKind,
  createHelpers,
  createKfuncs,
  freeValue,
  type Helper,
  type Kfunc,
} from "../helpers/index.ts";
import {
  createMap,
  type MapAttributes,
  MapCode,
  type MapEnvironment,
  type MapOperations,
  type MapShape,
  type MapStorage,
} from "../maps/index.ts";
import { addressOf, createKernelMemory, type KernelMemory, RegionAccess, WASM_PAGE } from "../mem/index.ts";
import { defaultLayout, KernelLayout, type KernelRelease, type Lockdown } from "../platform/index.ts";
import { Errno } from "../uapi/index.ts";
import type { FixupMap, StructMetas } from "../verifier/index.ts";
import {
  type BpfExecutor,
  createExecutor,
  type Engine,
  type Fault,
  FunctionIndices,
  Interpreter,
  Jit,
} from "../vm/index.ts";
import { BpfFs } from "./bpffs.ts";
import { contextKind } from "./context-kind.ts";
import { Events } from "./events.ts";
import { IdTable } from "./id-table.ts";
import { inertOperations, inertStorage, isInert } from "./inert-map.ts";
import { KernelStruct } from "./kernel-struct.ts";
import { createLoopback, LOOPBACK_IFINDEX, type Loopback } from "./net/loopback.ts";
import { PacketObjects } from "./net/packet-objects.ts";
import { ObjectHeap } from "./object-heap.ts";
import type { KernelBtf } from "./objects/btf.ts";
import type { KernelObject } from "./objects/kernel-object.ts";
import type { KernelMap } from "./objects/map.ts";
import type { KernelProgram } from "./objects/program.ts";
import type { KernelOptions } from "./options.ts";
import { refuse } from "./refusal.ts";
import { StructAllocator } from "./struct-allocator.ts";
import { KernelSymbols } from "./symbols.ts";
import { KernelTimers } from "./timers.ts";
import { TracePipe } from "./trace-pipe.ts";
import { type Task, userBytes, userString, writeUser } from "./user-memory.ts";

/** Far more than Linux's verifier lets a program do, and over in seconds. */
const DEFAULT_BUDGET = 1_000_000_000;

/** What all processes of one embedded kernel share: its memory, its objects and what runs its programs. */
export class Machine {
  readonly memory: KernelMemory;
  readonly cpus: number;
  /** Whether programs run here, or are only looked at. */
  readonly executes: boolean;
  readonly release: KernelRelease;
  readonly lockdown: Lockdown;
  /** Most instructions that a verification may process; undefined: Linux's limit. */
  readonly complexityLimit: number | undefined;
  /** Whether processes without CAP_BPF may load anything (`kernel.unprivileged_bpf_disabled`). */
  readonly unprivilegedBpf: boolean;
  /** Whether programs that the verifier refuses are taken all the same. */
  readonly lenient: boolean;
  /** Of what is in memory. */
  readonly layout: KernelLayout;
  /** Of the kernel that programs are told they are on. */
  readonly shown: KernelLayout;
  readonly programs: IdTable<KernelProgram>;
  readonly maps: IdTable<KernelMap>;
  readonly btfs: IdTable<KernelBtf>;
  readonly links: IdTable<KernelObject>;
  readonly bpffs = new BpfFs();
  readonly tracePipe = new TracePipe();
  readonly events = new Events();
  readonly symbols = new KernelSymbols();
  /** Nanoseconds since boot, below 2^53. */
  readonly clock: () => number;
  /** 32 random bits, unsigned. */
  readonly random: () => number;
  readonly executor: BpfExecutor;
  readonly engine: Engine;
  readonly structs: StructAllocator;
  readonly loopback: Loopback;
  readonly packets: PacketObjects;
  /** Objects that programs allocated. */
  readonly objects: ObjectHeap;
  readonly timers: KernelTimers;
  /** Why the last run of a program that no verifier has seen ended early; null where it did not. */
  lastFault: Fault | null = null;
  /** The task that runs: what task helpers call current. */
  current: Task = { pid: 0, comm: "swapper/0" };
  /** Functions of the kernel that programs call by their BTF ids. */
  readonly kfuncs: ReadonlyMap<string, Kfunc>;
  /** How many have been given out. */
  #socketCookies = 0;
  readonly #flowKey: readonly [number, number, number, number];
  readonly #helpers = new Map<ContextKind, ReadonlyMap<number, Helper>>();
  readonly #environment: MapEnvironment;
  readonly #mapCode: MapCode;
  #lastPid = 0;
  #running: KernelProgram | null = null;

  constructor(options: KernelOptions) {
    this.cpus = checkCpus(options.cpus ?? 1);
    // Memory has the structs of 6.18: programs for another release must not look at them.
    this.executes = (options.execute ?? true) && (options.release ?? "6.18") === "6.18";
    this.lockdown = options.lockdown ?? "none";
    this.complexityLimit = options.complexityLimit;
    this.unprivilegedBpf = (options.unprivilegedBpfDisabled ?? 2) === 0;
    this.lenient = options.lenient ?? false;
    this.clock = options.clock ?? (() => Math.floor(performance.now() * 1e6));
    this.random = randomSource(options.seed ?? Math.floor(Math.random() * 2 ** 32));
    this.#flowKey = [this.random(), this.random(), this.random(), this.random()];
    this.memory = createKernelMemory(
      options.maximumMemory === undefined
        ? {}
        : { maximumPages: Math.ceil(options.maximumMemory / WASM_PAGE) },
    );
    this.release = options.release ?? "6.18";
    const { btf } = options;
    if (this.release === "6.18") {
      this.layout = btf === undefined ? defaultLayout() : new KernelLayout(btf);
      this.shown = this.layout;
    } else {
      if (btf === undefined) {
        throw new RangeError(`kernel: expected the BTF of Linux ${this.release} as the option btf, got none`);
      }
      // What is in memory is laid out as always: nothing runs that could tell.
      this.layout = defaultLayout();
      this.shown = new KernelLayout(btf);
    }
    this.kfuncs = createKfuncs(this.layout);
    this.programs = new IdTable(options.firstIds?.programs);
    this.maps = new IdTable(options.firstIds?.maps);
    this.btfs = new IdTable(options.firstIds?.btfs);
    this.links = new IdTable(options.firstIds?.links);
    this.structs = new StructAllocator(this.memory, this.layout);
    this.loopback = createLoopback(this.structs);
    this.packets = new PacketObjects(this.memory, this.layout, this.structs);

    this.objects = new ObjectHeap(this.memory);
    this.timers = new KernelTimers(
      {
        memory: this.memory,
        clock: this.clock,
        mapAt: (offset) => this.mapAt(offset),
        programs: this.programs,
        cpu: () => this.executor.cpu,
        busy: () => this.executor.depth !== 0,
        runCallback: (cpu, ...callback) => this.#runCallback(cpu, ...callback),
      },
      options.clock === undefined,
    );
    const indices = new FunctionIndices();
    const executor = createExecutor(this.memory, {
      indices,
      services: {
        monotonic: this.clock,
        boottime: this.clock,
        random: this.random,
        trace: (text) => {
          const { pid, comm } = this.current;
          this.tracePipe.write({ pid, comm, cpu: this.executor.cpu, time: BigInt(this.clock()), text });
        },
        task: () => ({ ...this.current, tgid: this.current.pid }),
        userBytes: (low, high, length) => userBytes(this.current.memory, low, high, length),
        userString: (low, high, limit) => userString(this.current.memory, low, high, limit),
        writeUser: (low, high, bytes) => writeUser(this.current.memory, low, high, bytes),
        flowKey: () => this.#flowKey,
        socketCookie: () => ++this.#socketCookies,
        hasDevice: (index) => index === LOOPBACK_IFINDEX,
        arena: (map) => this.mapAt(map)?.parts.storage.arena ?? null,
        objects: this.objects,
        timers: this.timers,
        callChain: (user) => (user ? [] : this.#callChain()),
      },
    });
    executor.budget = checkBudget(options.budget ?? DEFAULT_BUDGET);
    this.executor = executor;
    this.engine = options.engine === "jit" ? new Jit(options.jit) : new Interpreter();
    const freeFields = (map: number, value: number, onlyTimers?: boolean) =>
      freeValue(executor.call, map >>> 0, value >>> 0, onlyTimers);
    this.#mapCode = new MapCode(this.memory, executor, freeFields);
    this.#environment = {
      freeFields,
      memory: this.memory,
      cpus: this.cpus,
      bpfMapSize: this.layout.sizeOf("bpf_map"),
      random: this.random,
      code: this.#mapCode,
    };
  }

  /** Where the types of the kernel's own objects are looked for. */
  get kernelTypes(): readonly Btf[] {
    return [this.shown.btf];
  }

  /** The structs of a program's types that it may allocate: since 6.2. */
  structMetas(btf: KernelBtf): StructMetas {
    return this.release === "6.1" ? new Map() : btf.structMetas(this.kernelTypes);
  }

  /** The helpers that programs of a type may find. */
  helpersFor(programType: number): ReadonlyMap<number, Helper> {
    const kind = contextKind(programType);
    let helpers = this.#helpers.get(kind);
    if (helpers === undefined) {
      helpers = createHelpers(this.layout, kind);
      this.#helpers.set(kind, helpers);
    }
    return helpers;
  }

  /** The map whose `struct bpf_map` is at an offset. */
  mapAt(offset: number): KernelMap | undefined {
    for (const map of this.maps.values()) if (map.offset === offset) return map;
    return undefined;
  }

  nextPid(): number {
    return ++this.#lastPid;
  }

  /** A map in the one memory, with its `struct bpf_map` as BTF describes it. ENOMEM, E2BIG … */
  createMap(attributes: MapAttributes): MapStorage {
    if (isInert(attributes.type)) return inertStorage(this.memory, this.#environment.bpfMapSize, attributes);
    const storage = createMap(this.#environment, attributes);
    return typeof storage === "number" ? refuse(-storage) : storage;
  }

  /** The operations of a shape, for system calls. */
  operationsOf(shape: MapShape): MapOperations {
    if (isInert(shape.type)) return inertOperations(this.executes ? -Errno.EOPNOTSUPP : 0);
    return this.#mapCode.operations(shape);
  }

  /** Fills in what programs can read of a map through a pointer to it. */
  describeMap(map: KernelMap): void {
    const object = new KernelStruct(this.memory, this.layout, "bpf_map", map.offset);
    object.set("map_type", map.type);
    object.set("key_size", map.keySize);
    object.set("value_size", map.valueSize);
    object.set("max_entries", map.parts.maxEntries);
    object.set("map_flags", map.parts.flags);
    object.set("id", map.id);
  }

  /** A map as fixups see it. */
  fixupMap(map: KernelMap): FixupMap {
    const { storage } = map.parts;
    return {
      type: map.type,
      keySize: map.keySize,
      valueSize: map.valueSize,
      maxEntries: map.parts.maxEntries,
      flags: map.parts.flags,
      id: map.id,
      address: addressOf(map.offset),
      valueAddress: storage.values === 0 ? 0n : addressOf(storage.values),
      inner: map.parts.inner,
      bypassSpecV1: map.parts.bypassSpecV1,
    };
  }

  /** Runs a program once. @returns r0, the low half, signed. EFAULT where the run ended with a fault. */
  run(program: KernelProgram, context: number): number {
    return this.runMany(program, context, 1);
  }

  /** Runs a program so many times on one context. @returns r0 of the last run, as {@link run}. */
  runMany(program: KernelProgram, context: number, count: number): number {
    const outer = this.#running;
    this.#running = program;
    const { code } = program.parts;
    const result = count === 1 ? code.run(context) : code.runMany(context, count);
    this.#running = outer;
    this.events.happened();
    const { fault } = this.executor;
    if (fault !== null) {
      this.lastFault = fault;
      refuse(Errno.EFAULT);
    }
    return result;
  }

  #runCallback(cpu: number, index: number, map: number, key: Uint8Array, value: number): void {
    this.onCpu(cpu, () => this.executor.runCallback(index, map, key, value));
    if (this.executor.fault !== null) this.lastFault = this.executor.fault;
    this.events.happened();
  }

  /** The functions of a test run, as Linux's are; tasks have no stack of their own in user space. */
  #callChain(): bigint[] {
    const program = this.#running;
    const names = program === null ? [] : [symbolOf(program)];
    return [...names, ...TEST_RUN_CALLERS].map((name) => this.symbols.address(name) + RETURN_DISTANCE);
  }

  /** Runs something in the name of a task. */
  asTask<T>(task: Task, act: () => T): T {
    const before = this.current;
    this.current = task;
    try {
      return act();
    } finally {
      this.current = before;
    }
  }

  /** The end of a system call: outside every run, what was retired before it can be freed. */
  quiesce(): void {
    if (this.executor.depth === 0) this.memory.executors.quiesce(this.executor.id);
  }

  /** Runs something as another CPU. */
  onCpu<T>(cpu: number, act: () => T): T {
    const before = this.executor.cpu;
    this.executor.cpu = cpu;
    try {
      return act();
    } finally {
      this.executor.cpu = before;
    }
  }

  /** Memory that programs may read and write while `act` runs. ENOMEM. */
  withRegion<T>(size: number, what: string, act: (offset: number) => T): T {
    const offset = this.memory.alloc(size);
    if (offset === 0) refuse(Errno.ENOMEM);
    const handle = this.memory.regions.add({
      start: offset,
      end: offset + size,
      access: RegionAccess.READ_WRITE,
      stride: 0,
      size: 0,
      what,
    });
    try {
      return act(offset);
    } finally {
      this.memory.regions.remove(handle);
      this.memory.free(offset);
    }
  }
}

/** What calls a program that bpf(2) runs. */
const TEST_RUN_CALLERS = [
  "__bpf_prog_test_run_raw_tp",
  "bpf_prog_test_run_raw_tp",
  "__sys_bpf",
  "__x64_sys_bpf",
  "do_syscall_64",
  "entry_SYSCALL_64_after_hwframe",
] as const;

/** A return address lies inside of its function. */
const RETURN_DISTANCE = 0x20n;

/** `bpf_get_prog_name` */
function symbolOf({ parts: { tag, name } }: KernelProgram): string {
  return name === "" ? `bpf_prog_${hexOf(tag)}` : `bpf_prog_${hexOf(tag)}_${name}`;
}

const MAX_CPUS = 4096;

function checkCpus(cpus: number): number {
  if (Number.isInteger(cpus) && cpus >= 1 && cpus <= MAX_CPUS) return cpus;
  throw new RangeError(`kernel: expected 1 to ${MAX_CPUS} CPUs, got ${cpus}`);
}

function checkBudget(budget: number): number {
  if (budget >= 0) return budget;
  throw new RangeError(`kernel: expected a budget of 0 or more instructions, got ${budget}`);
}

/** A small generator with a good spread (Mulberry32): what the seed decides is reproducible, nothing here is secret. */
function randomSource(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b_79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
}
