import { hexOf, textOf } from "../base/index.ts";
import type { Btf } from "../btf/index.ts";
import {
  type ContextKind,
  createHelpers,
  createKfuncs,
  freeValue,
  type Helper,
  type Kfunc,
  type PacketMetadata,
  type PerfCounter,
  type SystemCalls,
} from "../helpers/index.ts";
import {
  createMap,
  type MapAttributes,
  MapCode,
  type MapEnvironment,
  type MapOperations,
  type MapShape,
  type MapStorage,
  type OperationIndices,
} from "../maps/index.ts";
import { addressOf, createKernelMemory, type KernelMemory, RegionAccess, WASM_PAGE } from "../mem/index.ts";
import {
  defaultLayout,
  KernelLayout,
  type KernelOption,
  type KernelRelease,
  type Lockdown,
  MISSING_OPTIONS,
} from "../platform/index.ts";
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
  type JitOptions,
} from "../vm/index.ts";
import { BpfFs } from "./bpffs.ts";
import { AttachedStorage } from "./cgroups/attached-storage.ts";
import type { Cgroup } from "./cgroups/cgroup.ts";
import { CgroupTree } from "./cgroups/cgroup-tree.ts";
import { contextKind } from "./context-kind.ts";
import { Events } from "./events.ts";
import type { ExecutorBoot, TraceLine } from "./executors/messages.ts";
import { OtherExecutors } from "./executors/others.ts";
import { Activity } from "./hooks/activity.ts";
import { CgroupHooks } from "./hooks/cgroup-hooks.ts";
import { ContextBlocks } from "./hooks/context-blocks.ts";
import { Firing } from "./hooks/firing.ts";
import { Functions } from "./hooks/functions.ts";
import { Tracepoints } from "./hooks/tracepoints.ts";
import { UserProbes } from "./hooks/uprobes.ts";
import { IdTable } from "./id-table.ts";
import { Inodes } from "./inodes.ts";
import { KernelStruct } from "./kernel-struct.ts";
import type { KernelLink } from "./links/link.ts";
import { CongestionControls } from "./net/congestion-controls.ts";
import type { Device } from "./net/device.ts";
import { Namespace } from "./net/namespace.ts";
import { PacketCopies } from "./net/packet-copies.ts";
import { PacketObjects } from "./net/packet-objects.ts";
import { socketDirectory } from "./net/socket-directory.ts";
import { SocketMaps, socketLayout } from "./net/socket-maps.ts";
import type { FoundSocket } from "./net/socket-table.ts";
import { cgroupDirectory, taskDirectory } from "./object-directory.ts";
import { ObjectHeap } from "./object-heap.ts";
import type { KernelBtf } from "./objects/btf.ts";
import type { KernelMap } from "./objects/map.ts";
import type { KernelProgram } from "./objects/program.ts";
import type { KernelOptions } from "./options.ts";
import { PerCpuVariables } from "./per-cpu-variables.ts";
import type { PerfEvent } from "./perf/perf-event.ts";
import { PerfEvents } from "./perf/perf-events.ts";
import { randomSource } from "./random.ts";
import { refuse } from "./refusal.ts";
import { type RunFrame, runFrame } from "./run-frame.ts";
import { StructAllocator } from "./struct-allocator.ts";
import { KernelSymbols } from "./symbols.ts";
import { sendSignal } from "./tasks/send-signal.ts";
import type { KernelTask } from "./tasks/task.ts";
import { TaskTable } from "./tasks/task-table.ts";
import { KernelTimers } from "./timers.ts";
import { TracePipe } from "./trace-pipe.ts";
import { userBytes, userString, writeUser } from "./user-memory.ts";

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
  readonly missingOptions: ReadonlySet<KernelOption>;
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
  readonly links: IdTable<KernelLink>;
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
  readonly jit: JitOptions | undefined;
  /** Executors on other threads; null where there are none. */
  readonly others: OtherExecutors | null;
  /** Whether its clock is the caller's, and not the platform's. */
  readonly ownClock: boolean;
  /** Its types, as executors on other threads are told of them; null: the default ones. */
  readonly types: ExecutorBoot["types"];
  readonly structs: StructAllocator;
  /** Of descriptors. */
  readonly inodes: Inodes;
  /** The network namespace that tasks are in unless told. */
  readonly namespace: Namespace;
  readonly congestionControls: CongestionControls;
  readonly packets: PacketObjects;
  /** Objects that programs allocated. */
  readonly objects: ObjectHeap;
  readonly timers: KernelTimers;
  readonly perCpuVariables: PerCpuVariables;
  readonly copies = new PacketCopies();
  /** Of the process whose system call runs; null between system calls. */
  systemCalls: SystemCalls | null = null;
  /** A run of many has been begun, and waits while others have their turn. */
  pausing = false;
  /** Why the last run of a program that no verifier has seen ended early; null where it did not. */
  lastFault: Fault | null = null;
  readonly tasks: TaskTable;
  readonly cgroups: CgroupTree;
  readonly tracepoints: Tracepoints;
  readonly functions: Functions;
  readonly userProbes = new UserProbes();
  readonly cgroupHooks: CgroupHooks;
  readonly cgroupStorage: AttachedStorage;
  readonly perf: PerfEvents;
  readonly contexts: ContextBlocks;
  readonly activity = new Activity();
  /** Descriptors by which somebody wants statistics of runs. */
  statisticsUsers = 0;
  /** Functions of the kernel that programs call by their BTF ids. */
  readonly kfuncs: ReadonlyMap<string, Kfunc>;
  /** How many have been given out. */
  #socketCookies = 0;
  /** The sockets in maps. */
  readonly socketMaps = new SocketMaps(this);
  /** 128 random bits, as words, that flows are hashed with. */
  readonly flowKey: readonly [number, number, number, number];
  readonly #helpers = new Map<ContextKind, ReadonlyMap<number, Helper>>();
  readonly #environment: MapEnvironment;
  readonly #mapCode: MapCode;
  /** What runs on each CPU; its idle task where nothing else does. */
  readonly #current = new Map<number, KernelTask>();
  /** Of runs that no event is behind. */
  readonly #noFrame = runFrame();
  #running: KernelProgram | null = null;
  #frame = this.#noFrame;
  readonly #namespaces = new Map<number, Namespace>();
  #lastNamespace = 0;
  #lastSession = 0n;
  #packetMetadata: PacketMetadata = {};

  constructor(options: KernelOptions) {
    this.cpus = checkCpus(options.cpus ?? 1);
    // Memory has the structs of 6.18: programs for another release must not look at them.
    this.executes = (options.execute ?? true) && (options.release ?? "6.18") === "6.18";
    this.lockdown = options.lockdown ?? "none";
    this.complexityLimit = options.complexityLimit;
    this.missingOptions = options.missingOptions ?? MISSING_OPTIONS;
    this.unprivilegedBpf = (options.unprivilegedBpfDisabled ?? 2) === 0;
    this.lenient = options.lenient ?? false;
    this.clock = options.clock ?? (() => Math.floor(performance.now() * 1e6));
    this.random = randomSource(options.seed ?? Math.floor(Math.random() * 2 ** 32));
    this.flowKey = [this.random(), this.random(), this.random(), this.random()];
    this.memory = createKernelMemory(
      options.maximumMemory === undefined
        ? {}
        : { maximumPages: Math.ceil(options.maximumMemory / WASM_PAGE) },
    );
    this.release = options.release ?? "6.18";
    const { btf } = options;
    this.ownClock = options.clock !== undefined;
    this.types = btf === undefined ? null : { bytes: btf.bytes, pointerSize: btf.pointerSize };
    this.others = options.executors === undefined ? null : new OtherExecutors(this, options.executors);
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
    this.inodes = new Inodes(this.memory);
    this.namespace = this.createNamespace();
    this.congestionControls = new CongestionControls(this.structs);
    this.cgroupStorage = new AttachedStorage(this.memory);
    this.cgroupHooks = new CgroupHooks(this.cgroupStorage);
    this.cgroups = new CgroupTree(this.structs, (group) => this.cgroupHooks.removed(group));
    this.tasks = new TaskTable({
      structs: this.structs,
      cgroup: this.cgroups.root,
      namespace: this.namespace,
      clock: this.clock,
    });
    this.tracepoints = new Tracepoints(this.shown.btf);
    this.functions = new Functions(this.shown.btf);
    this.contexts = new ContextBlocks(this.memory);
    this.perf = new PerfEvents(this, options.clock === undefined);
    this.packets = new PacketObjects(this.memory, this.layout, this.structs);

    this.objects = new ObjectHeap(this.memory);
    this.perCpuVariables = new PerCpuVariables(this.memory, this.shown.btf, this.cpus);
    this.timers = new KernelTimers(
      {
        memory: this.memory,
        clock: this.clock,
        timeOfDay: this.ownClock ? this.clock : () => Date.now() * 1e6,
        mapAt: (offset) => this.mapAt(offset),
        programs: this.programs,
        cpu: () => this.executor.cpu,
        busy: () => this.executor.depth !== 0 || this.#isHeld,
        inTask: (offset, act) => {
          const task = offset === 0 ? null : this.tasks.at(offset);
          if (task === null) act();
          else if (task !== undefined && !task.exited) this.asTask(task, act);
        },
        runCallback: (cpu, ...callback) => this.#runCallback(cpu, ...callback),
      },
      options.clock === undefined,
    );
    // The clock of a kernel whose caller gave it one is the time of day, too. No leap second is told (`adjtimex`).
    const epoch = this.ownClock ? 0n : BigInt(Date.now()) * 1_000_000n - BigInt(this.clock());
    const indices = new FunctionIndices();
    const executor = createExecutor(this.memory, {
      indices,
      services: {
        monotonic: this.clock,
        boottime: this.clock,
        random: this.random,
        trace: (text) => this.#trace(text),
        task: () => this.current,
        signal: (number) => sendSignal(this.current, number),
        run: () => this.#frame,
        perf: {
          output: (map, index, raw) => this.#withMap(map, (found) => this.perf.output(found, index, raw)),
          counter: (map, index) => this.#withMap(map, (found) => counterOf(this.perf.readable(found, index))),
          ownCounter: () => (this.#frame.event === null ? -Errno.EINVAL : counterOf(this.#frame.event)),
        },
        userBytes: (low, high, length) => userBytes(this.current.memory, low, high, length),
        userString: (low, high, limit) => userString(this.current.memory, low, high, limit),
        writeUser: (low, high, bytes) => writeUser(this.current.memory, low, high, bytes),
        flowKey: () => this.flowKey,
        socketCookie: () => this.nextSocketCookie(),
        device: (index) => this.current.namespace.devices.get(index)?.device.offset ?? 0,
        sendCopy: (device, frame, ingress) =>
          this.copies.add(this.current.namespace.devices.values(), device, frame, ingress),
        atomicTime: () => BigInt(this.clock()) + epoch,
        hasDevice: (index) => this.current.namespace.devices.has(index),
        arena: (map) => this.mapAt(map)?.parts.storage.arena ?? null,
        objects: this.objects,
        kernelTypes: () => this.shown.btf,
        stream: (number, text) => {
          if (this.#running === null) return -Errno.ENOENT;
          return this.#running.streams[number - 1]!.push(text) ? 0 : -Errno.ENOSPC;
        },
        systemCalls: () => this.systemCalls,
        cpus: this.cpus,
        tasks: taskDirectory(this.tasks),
        cgroups: cgroupDirectory(this.cgroups, this.tasks),
        sockets: socketDirectory(this),
        packetMetadata: () => this.#packetMetadata,
        timers: this.timers,
        taskStacks: {
          // Nothing is known of where a task sleeps.
          chain: (task, user) =>
            task === this.current.offset ? this.#chainOfCurrent(user) : user ? null : [],
          isCurrent: (task) => task === this.current.offset,
        },
        callChain: (user) => this.#frame.chain?.(user) ?? (user ? [] : this.#callChain()),
      },
    });
    executor.budget = checkBudget(options.budget ?? DEFAULT_BUDGET);
    this.executor = executor;
    this.jit = options.jit;
    this.engine = engineOf(options);
    const freeFields = (map: number, value: number, onlyTimers?: boolean) =>
      freeValue(executor.call, map >>> 0, value >>> 0, onlyTimers);
    this.structs.freeFields = freeFields;
    this.#mapCode = new MapCode(this.memory, executor, freeFields);
    this.#environment = {
      freeFields,
      memory: this.memory,
      cpus: this.cpus,
      bpfMapSize: this.layout.sizeOf("bpf_map"),
      sockets: socketLayout(this.layout),
      random: this.random,
      code: this.#mapCode,
      whenQuiet: (act) => {
        if (this.others === null) act();
        else this.others.whenQuiet(act);
      },
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

  #withMap(offset: number, act: (map: KernelMap) => number): number;
  #withMap<T>(offset: number, act: (map: KernelMap) => T): T | number;
  #withMap<T>(offset: number, act: (map: KernelMap) => T): T | number {
    const map = this.mapAt(offset);
    return map === undefined ? -Errno.EINVAL : act(map);
  }

  /** What iterators tell their programs apart by. */
  nextSession(): bigint {
    return ++this.#lastSession;
  }

  /** A number that no socket has had. */
  nextSocketCookie(): number {
    return ++this.#socketCookies;
  }

  /** A new network namespace, with a loopback device. */
  createNamespace(): Namespace {
    const cookie = ++this.#lastNamespace;
    const id = FIRST_NAMESPACE + cookie - 1;
    const namespace = new Namespace(this.structs, id, cookie, {
      sockets: this.socketMaps,
      whenGone: ({ offset }) => this.#namespaces.delete(offset),
    });
    this.#namespaces.set(namespace.offset, namespace);
    return namespace;
  }

  /** The namespace whose `struct net` is at an offset. */
  namespaceAt(offset: number): Namespace | undefined {
    return this.#namespaces.get(offset);
  }

  /** The socket, of whichever namespace, whose `struct sock` is at an offset. */
  socketAt(offset: number): FoundSocket | undefined {
    for (const { sockets } of this.#namespaces.values()) {
      const socket = sockets.at(offset);
      if (socket !== undefined) return socket;
    }
    return undefined;
  }

  /** Removes an empty control group. ENOENT, EBUSY. */
  removeCgroup(path: string): void {
    const used = (group: Cgroup) => this.tasks.values().some((task) => task.cgroup === group);
    this.cgroups.remove(path, used);
  }

  /** The device that test runs receive their packets on. */
  get loopback(): Device {
    return this.namespace.loopback;
  }

  /** A map in the one memory, with its `struct bpf_map` as BTF describes it. ENOMEM, E2BIG … */
  createMap(attributes: MapAttributes): MapStorage {
    const storage = createMap(this.#environment, attributes);
    return typeof storage === "number" ? refuse(-storage) : storage;
  }

  /** The operations of a shape, for system calls. */
  operationsOf(shape: MapShape): MapOperations {
    return this.#mapCode.operations(shape);
  }

  /** Where the operations of a shape are in every executor's table. */
  operationIndices(shape: MapShape): OperationIndices {
    return this.#mapCode.indices(shape)!;
  }

  /** Whether the CPU that this is has a run that is not over: another executor's, or one that pauses. */
  get #isHeld(): boolean {
    return this.pausing || this.others?.isHeld(this.executor.cpu) === true;
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

  /** `trace_bpf_trace_printk`: a line of the trace, and what is attached to its tracepoint. */
  #trace(text: Uint8Array): void {
    this.traceAs(this.current, { cpu: this.executor.cpu, time: this.clock(), text });
  }

  /** A line that a program printed in the name of a task. */
  traceAs({ pid, comm }: KernelTask, { cpu, time, text }: TraceLine): void {
    this.tracePipe.write({ pid, comm, cpu, time: BigInt(time), text });
    const point = this.tracepoints.find("bpf_trace_printk");
    if (point === null || point.probes.length === 0) return;
    const event = this.tracepoints.events.find("bpf_trace", "bpf_trace_printk");
    const line = text.slice();
    this.contexts.use(line.length + 1, (offset) => {
      this.memory.bytes().set(line, offset);
      const facts = { args: [{ offset }], fields: { bpf_string: textOf(line) } };
      new Firing(this, { cpu }).tracepoint(point, event, facts);
    });
  }

  /** Runs a program once. @returns r0, the low half, signed. EFAULT where the run ended with a fault. */
  run(program: KernelProgram, context: number, frame: RunFrame = this.#noFrame): number {
    return this.runMany(program, context, 1, frame);
  }

  /** Runs a program so many times on one context. @returns r0 of the last run, as {@link run}. */
  runMany(program: KernelProgram, context: number, count: number, frame: RunFrame = this.#noFrame): number {
    // Each run is counted by itself where somebody counts instructions.
    const [runs, each] = this.perf.countsInstructions ? [count, 1] : [1, count];
    let result = 0;
    for (let i = 0; i < runs; i++) result = this.#enter(program, context, frame, each);
    if (this.executor.fault !== null) refuse(Errno.EFAULT);
    return result;
  }

  /** Runs a program that is attached to an event. @returns r0, the low half, signed; 0 where the run ended with a fault. */
  runForEvent(program: KernelProgram, context: number, frame: RunFrame): number {
    if (this.#isHeld) {
      program.misses++;
      return 0;
    }
    // It was detached by what happened since the event began: it may not exist any more.
    if (program.references === 0) return 0;
    program.get();
    try {
      const result = this.#enter(program, context, frame);
      return this.executor.fault === null ? result : 0;
    } finally {
      program.put();
    }
  }

  /**
   * Runs a program by itself on up to `count` contexts, which `act` lays out.
   *
   * @param act gives how many runs there were.
   * @returns the same. What the last run ended with is the executor's `fault`.
   */
  runBatch(program: KernelProgram, count: number, act: () => number): number {
    return this.#around(program, this.#noFrame, count, act);
  }

  /** Runs something on a packet that a device tells so much of. */
  withPacketMetadata<T>(metadata: PacketMetadata, act: () => T): T {
    const before = this.#packetMetadata;
    this.#packetMetadata = metadata;
    try {
      return act();
    } finally {
      this.#packetMetadata = before;
    }
  }

  #enter(program: KernelProgram, context: number, frame: RunFrame, count = 1): number {
    const { code } = program.parts;
    return this.#around(program, frame, count, () =>
      count === 1 ? code.run(context) : code.runMany(context, count),
    );
  }

  /** What is to be done in front of runs of a program, and behind them. */
  #around(program: KernelProgram, frame: RunFrame, count: number, act: () => number): number {
    // A CPU is at one place at a time.
    if (this.#isHeld) refuse(Errno.EBUSY);
    const [outer, outerFrame] = [this.#running, this.#frame];
    this.#running = program;
    this.#frame = frame;
    const started = this.statisticsUsers > 0 ? this.clock() : null;
    const result = act();
    if (started !== null) {
      program.runs += count;
      program.runTime += this.clock() - started;
    }
    if (this.executor.depth === 0) this.executor.releaseLocks();
    this.#running = outer;
    this.#frame = outerFrame;
    if (this.perf.countsInstructions) this.perf.executed(this.executor.executed);
    this.events.happened();
    const { fault } = this.executor;
    if (fault !== null) this.lastFault = fault;
    return result;
  }

  #runCallback(cpu: number, index: number, map: number, key: Uint8Array, value: number): void {
    this.onCpu(cpu, () => this.executor.runCallback(index, map, key, value));
    this.executor.releaseLocks();
    if (this.executor.fault !== null) this.lastFault = this.executor.fault;
    this.events.happened();
  }

  /** The stack of the task that runs; threads of the kernel have none in user space. */
  #chainOfCurrent(user: boolean): readonly bigint[] | null {
    if (user && this.current.memory === undefined) return null;
    return this.#frame.chain?.(user) ?? (user ? [] : this.#callChain());
  }

  /** The functions of a test run, as Linux's are; tasks have no stack of their own in user space. */
  #callChain(): bigint[] {
    const program = this.#running;
    const names = program === null ? [] : [symbolOf(program)];
    return [...names, ...TEST_RUN_CALLERS].map((name) => this.symbols.address(name) + RETURN_DISTANCE);
  }

  /** The task that runs: what task helpers call current. */
  get current(): KernelTask {
    return this.currentOn(this.executor.cpu);
  }

  /** What runs on a CPU. */
  currentOn(cpu: number): KernelTask {
    return this.#current.get(cpu) ?? this.tasks.idle(cpu);
  }

  /** Has a task run on a CPU from now on; null: nothing. */
  setCurrent(cpu: number, task: KernelTask | null): void {
    if (task === null) this.#current.delete(cpu);
    else this.#current.set(cpu, task);
  }

  /** Runs something in the name of a task, on the CPU that this is. */
  asTask<T>(task: KernelTask, act: () => T): T {
    const { cpu } = this.executor;
    const before = this.#current.get(cpu) ?? null;
    this.setCurrent(cpu, task);
    try {
      return act();
    } finally {
      this.setCurrent(cpu, before);
    }
  }

  /** Runs what is due: callbacks of timers, samples of clocks. */
  runDue(): void {
    this.timers.run();
    this.perf.run();
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
    using region = this.region(size, what);
    return act(region.offset);
  }

  /** A block that programs may access until it is disposed of. ENOMEM. */
  region(size: number, what: string): Disposable & { readonly offset: number } {
    const { memory } = this;
    const offset = memory.alloc(size);
    if (offset === 0) refuse(Errno.ENOMEM);
    const end = offset + size;
    const access = RegionAccess.READ_WRITE;
    const handle = memory.regions.add({ start: offset, end, access, stride: 0, size: 0, what });
    return {
      offset,
      [Symbol.dispose]: () => {
        memory.regions.remove(handle);
        memory.free(offset);
      },
    };
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

/** Number of the first network namespace (`PROC_NET_INIT_INO` is of a later release). */
const FIRST_NAMESPACE = 0xf000_0098;

/** What read helpers tell of an event; a refusal as it is. */
function counterOf(event: PerfEvent | number): PerfCounter | number {
  if (typeof event === "number") return event;
  const time = event.timeEnabled;
  return { value: event.count, enabled: BigInt(Math.floor(time)), running: BigInt(Math.floor(time)) };
}

function engineOf({ engine = "interp", jit }: KernelOptions): Engine {
  if (engine === "jit") return new Jit(jit);
  if (engine === "interp") return new Interpreter();
  throw new RangeError(`kernel: expected engine interp or jit, got ${String(engine)}`);
}

function checkCpus(cpus: number): number {
  if (Number.isInteger(cpus) && cpus >= 1 && cpus <= MAX_CPUS) return cpus;
  throw new RangeError(`kernel: expected 1 to ${MAX_CPUS} CPUs, got ${cpus}`);
}

function checkBudget(budget: number): number {
  if (budget >= 0) return budget;
  throw new RangeError(`kernel: expected a budget of 0 or more instructions, got ${budget}`);
}
