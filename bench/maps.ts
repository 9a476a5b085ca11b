// Nanoseconds for each map operation, as emitted code sees it: loops in Wasm around operations of the same module on a
// constant map (what a JIT emits), around operations of another instance, and calls from JavaScript.
//
//   npx esbuild bench/maps.ts --bundle --platform=node --format=esm --outfile=.cache/bench-maps.mjs
//   node .cache/bench-maps.mjs

import {
  constantMap,
  createMap,
  emitLookup,
  emitMapOperations,
  MAP_OPERATIONS,
  MapCode,
  type MapStorage,
} from "../src/maps/index.ts";
import { createKernelMemory, type KernelMemory, MEMORY_NAMESPACE, MemoryImports } from "../src/mem/index.ts";
import { BpfMapFlag, BpfMapType } from "../src/uapi/index.ts";
import { type FunctionBuilder, type Local, ModuleBuilder } from "../src/wasm/index.ts";
import { executorRows } from "./map-executors.ts";

const KEYS = 1024;
const ROUNDS = 15;
const OPERATIONS = 4_000_000;

interface Bench {
  readonly memory: KernelMemory;
  readonly storage: MapStorage;
  /** Offset of KEYS keys, 16 bytes apart, all in the map. */
  readonly keys: number;
  readonly value: number;
}

/** What a loop does with one key; `sum` keeps results alive. */
type Body = (f: FunctionBuilder, locals: { key: Local; value: Local; cpu: Local; sum: Local }) => void;

function benchOf(type: number, keySize: number, valueSize: number, flags = 0, executors = 1): Bench {
  const memory = createKernelMemory();
  for (let i = 1; i < executors; i++) memory.executors.add();
  const storage = createMap(
    { memory, cpus: 2, bpfMapSize: 256, random: () => 0x5bd1_e995 },
    { type, keySize, valueSize, maxEntries: KEYS, flags },
  );
  if (typeof storage === "number") throw new Error(`map: errno ${storage}`);
  const keys = memory.alloc(KEYS * 16);
  const value = memory.alloc(valueSize);
  const { update } = new MapCode(memory).operations(storage.shape);
  for (let i = 0; i < KEYS; i++) {
    // In an order that no prefetcher knows.
    const number = (i * 619) % KEYS;
    memory.view().setUint32(keys + 16 * i, keySize === 4 ? number : number * 0x9e37, true);
    memory.view().setUint32(keys + 16 * i + 4, number, true);
    update(storage.offset, keys + 16 * i, value, 0, 0);
  }
  return { memory, storage, keys, value };
}

/** A loop over all keys in Wasm; gives ns for each turn, the best of several rounds. */
function measure(bench: Bench, emit: (m: ModuleBuilder, imports: MemoryImports) => Body): number {
  const { memory, keys, value } = bench;
  const m = new ModuleBuilder();
  const imports = new MemoryImports(m, memory);
  const body = emit(m, imports);
  const f = m.function("run", { params: ["i32"], results: ["i32"] }, { export: true });
  const [count] = f.params as [Local];
  const key = f.local("i32", "key");
  const valueAt = f.local("i32", "value");
  const cpu = f.local("i32", "cpu");
  const sum = f.local("i32", "sum");
  f.i32.const(value).set(valueAt);
  f.loop((again) => {
    f.get(count)
      .i32.const(KEYS - 1)
      .i32.and()
      .i32.const(4)
      .i32.shl()
      .i32.const(keys)
      .i32.add()
      .set(key);
    body(f, { key, value: valueAt, cpu, sum });
    f.get(count).i32.const(1).i32.sub().tee(count).brIf(again);
  });
  f.get(sum);
  const other = new MapCode(memory).operations(bench.storage.shape);
  const instance = new WebAssembly.Instance(new WebAssembly.Module(m.finish()), {
    [MEMORY_NAMESPACE]: memory.imports[MEMORY_NAMESPACE]!,
    map: { ...other },
  });
  const run = instance.exports["run"] as (count: number) => number;
  for (let i = 0; i < 40; i++) run(OPERATIONS / 100);
  return best(() => run(OPERATIONS));
}

function best(run: () => void): number {
  let least = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS; round++) {
    const start = performance.now();
    run();
    least = Math.min(least, performance.now() - start);
  }
  return (least * 1e6) / OPERATIONS;
}

/** A lookup and an addition to the value's first word, inlined. */
function inlineLookup(bench: Bench): number {
  return measure(bench, () => (f, { key, cpu, sum }) => {
    const result = f.local("i32", "result");
    emitLookup(f, bench.storage.shape, constantMap(bench.memory, bench.storage.offset), { key, cpu, result });
    f.get(result).if(() => f.get(result).get(result).i32.load().i32.const(1).i32.add().i32.store());
    f.get(sum).get(result).i32.add().set(sum);
  });
}

type Call = "update" | "delete and update" | "lookup";

function call(bench: Bench, what: Call, where: "same module" | "other instance"): number {
  const { shape, offset } = bench.storage;
  return measure(bench, (m, imports) => {
    const operations =
      where === "same module"
        ? emitMapOperations(m, imports, shape, constantMap(bench.memory, offset))
        : {
            lookup: m.importFunction("map", "lookup", MAP_OPERATIONS.lookup),
            update: m.importFunction("map", "update", MAP_OPERATIONS.update),
            delete: m.importFunction("map", "delete", MAP_OPERATIONS.delete),
          };
    return (f, { key, value, cpu, sum }) => {
      if (what === "delete and update") f.i32.const(offset).get(key).call(operations.delete).drop();
      f.i32.const(offset).get(key);
      if (what === "lookup") f.get(cpu).call(operations.lookup);
      else f.get(value).i32.const(0).get(cpu).call(operations.update);
      f.get(sum).i32.add().set(sum);
    };
  });
}

function fromScript(bench: Bench): number {
  const { lookup } = new MapCode(bench.memory).operations(bench.storage.shape);
  const { keys, storage } = bench;
  let sum = 0;
  const loop = () => {
    for (let i = 0; i < OPERATIONS; i++) sum += lookup(storage.offset, keys + 16 * (i & (KEYS - 1)), 0);
  };
  loop();
  return best(loop) + (sum === 1 ? 1 : 0);
}

function row(name: string, ns: number): void {
  console.log(`${name.padEnd(64)}${ns.toFixed(2).padStart(8)} ns`);
}

export async function main(): Promise<void> {
  console.log(`maps of ${KEYS} entries, Node ${process.version}; ns an operation, loop included\n`);
  const { HASH, ARRAY, PERCPU_ARRAY, PERCPU_HASH } = BpfMapType;
  row("array, 8-byte value: lookup inlined + add", inlineLookup(benchOf(ARRAY, 4, 8)));
  row("per-CPU array: lookup inlined + add", inlineLookup(benchOf(PERCPU_ARRAY, 4, 8)));
  for (const keySize of [4, 8, 16]) {
    row(`hash, ${keySize}-byte key: lookup inlined + add`, inlineLookup(benchOf(HASH, keySize, 8)));
  }
  row("per-CPU hash, 8-byte key: lookup inlined + add", inlineLookup(benchOf(PERCPU_HASH, 8, 8)));
  const shapes: [string, number, number][] = [
    ["hash, 8-byte key and value", 0, 1],
    ["hash, 8-byte key and value, not preallocated", BpfMapFlag.NO_PREALLOC, 1],
    ["hash, 8-byte key and value, two executors", 0, 2],
  ];
  for (const [name, flags, executors] of shapes) {
    for (const what of ["lookup", "update", "delete and update"] as const) {
      row(`${name}: ${what}`, call(benchOf(HASH, 8, 8, flags, executors), what, "same module"));
    }
  }
  for (const what of ["lookup", "update"] as const) {
    row(
      `hash, 8-byte key and value: ${what}, another instance`,
      call(benchOf(HASH, 8, 8), what, "other instance"),
    );
  }
  row("per-CPU hash, 8-byte key: update", call(benchOf(PERCPU_HASH, 8, 8), "update", "same module"));
  row("hash, 8-byte key: lookup from JavaScript", fromScript(benchOf(HASH, 8, 8)));
  memoryRows();
  await executorRows();
}

function memoryRows(): void {
  const memory = createKernelMemory();
  const block = memory.alloc(4096);
  for (let i = 0; i < 100; i++) {
    memory.regions.add({
      start: block + 40 * i,
      end: block + 40 * i + 32,
      access: 3,
      stride: 0,
      size: 0,
      what: "",
    });
  }
  const storage = createMap(
    { memory, cpus: 1, bpfMapSize: 8, random: () => 0 },
    { type: BpfMapType.HASH, keySize: 8, valueSize: 8, maxEntries: KEYS, flags: 0 },
  );
  if (typeof storage === "number") throw new Error(`map: errno ${storage}`);
  const bench: Bench = { memory, storage, keys: block, value: block };
  const check = (address: (f: FunctionBuilder, key: Local) => void) =>
    measure(bench, (_, imports) => (f, { key, sum }) => {
      address(f, key);
      f.i32.const(8).i32.const(1).call(imports.function("region_check")).get(sum).i32.add().set(sum);
    });
  row(
    "region check, same region as before (another instance)",
    check((f) => f.i32.const(block + 8)),
  );
  row(
    "region check, another of 102 regions each time",
    check((f, key) =>
      f
        .get(key)
        .i32.const(4)
        .i32.shrU()
        .i32.const(63)
        .i32.and()
        .i32.const(40)
        .i32.mul()
        .i32.const(block)
        .i32.add(),
    ),
  );
  for (const size of [32, 1024]) {
    row(
      `alloc and free, ${size} bytes (another instance)`,
      measure(bench, (_, imports) => (f) => {
        f.i32.const(size).i32.const(8).call(imports.function("alloc")).call(imports.function("free")).drop();
      }),
    );
  }
}

if (process.argv[1]?.includes("maps")) await main();
