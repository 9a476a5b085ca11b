import { createMap, isPerCpuType, MapCode } from "../../src/maps/index.ts";
import { createKernelMemory, memoryHandle } from "../../src/mem/index.ts";
import { BpfMapFlag, BpfMapType } from "../../src/uapi/index.ts";
import { runWorkers } from "../mem/worker.ts";
import { ABSENT, type Operation, type RegisterRules, readLog } from "./history.ts";
import type { HistoryData } from "./history-worker.ts";
import { findViolation, type Violation } from "./linearizable.ts";

/** A map whose histories are checked. */
export interface HistoryKind {
  readonly name: string;
  readonly type: number;
  readonly flags: number;
  readonly keySize: number;
  readonly maxEntries: number;
  readonly evicts?: boolean;
}

/** Keys of a map that has room for more. */
const KEYS = 4;

const { NO_PREALLOC, NO_COMMON_LRU } = BpfMapFlag;
const { HASH, PERCPU_HASH, LRU_HASH, LRU_PERCPU_HASH, LPM_TRIE } = BpfMapType;

/** Every kind of hash table, and tries; those that evict with room for all, and without. */
export const HISTORY_KINDS: readonly HistoryKind[] = [
  { name: "hash", type: HASH, flags: 0, keySize: 4, maxEntries: 44 },
  { name: "hash of long keys", type: HASH, flags: 0, keySize: 24, maxEntries: 44 },
  { name: "full hash", type: HASH, flags: 0, keySize: 8, maxEntries: KEYS },
  { name: "hash, not preallocated", type: HASH, flags: NO_PREALLOC, keySize: 8, maxEntries: 44 },
  { name: "per-CPU hash", type: PERCPU_HASH, flags: 0, keySize: 8, maxEntries: 44 },
  {
    name: "per-CPU hash, not preallocated",
    type: PERCPU_HASH,
    flags: NO_PREALLOC,
    keySize: 4,
    maxEntries: 44,
  },
  { name: "LRU hash", type: LRU_HASH, flags: 0, keySize: 8, maxEntries: 1024 },
  {
    name: "LRU hash of each CPU's lists",
    type: LRU_HASH,
    flags: NO_COMMON_LRU,
    keySize: 8,
    maxEntries: 1024,
  },
  { name: "LRU hash that evicts", type: LRU_HASH, flags: 0, keySize: 8, maxEntries: 4, evicts: true },
  {
    name: "LRU hash of each CPU's lists that evicts",
    type: LRU_HASH,
    flags: NO_COMMON_LRU,
    keySize: 8,
    maxEntries: 4,
    evicts: true,
  },
  { name: "LRU per-CPU hash", type: LRU_PERCPU_HASH, flags: 0, keySize: 8, maxEntries: 1024 },
  {
    name: "LRU per-CPU hash that evicts",
    type: LRU_PERCPU_HASH,
    flags: 0,
    keySize: 8,
    maxEntries: 4,
    evicts: true,
  },
  { name: "trie of whole prefixes", type: LPM_TRIE, flags: NO_PREALLOC, keySize: 8, maxEntries: 44 },
];

export interface HistoryOptions {
  readonly steps: number;
  readonly seed: number;
  /** Executors at work, each as a CPU of its own; 2 unless told. */
  readonly processes?: number;
  /** Where the processes' program is: beside this file, unless this file was bundled. */
  readonly worker?: URL;
}

/** What a run has shown. */
export interface HistoryOutcome {
  readonly operations: number;
  /** Pairs of operations on one key that overlapped. */
  readonly overlaps: number;
  readonly violation: Violation | null;
}

/** Runs processes on a new map, and checks what they saw. */
export async function runHistory(kind: HistoryKind, options: HistoryOptions): Promise<HistoryOutcome> {
  const { steps, seed, processes = 2, worker = new URL("history-worker.ts", import.meta.url) } = options;
  const memory = createKernelMemory({ maximumPages: 1024 });
  for (let i = 0; i < processes; i++) memory.executors.add();
  const { type, flags, keySize, maxEntries } = kind;
  // Few keys, so that processes meet at them; more than there is room for only where that evicts.
  const keys = kind.evicts === true ? 2 * maxEntries : KEYS;
  const environment = { memory, cpus: processes, bpfMapSize: 64, random: () => seed };
  const map = createMap(environment, { type, keySize, valueSize: 8, maxEntries, flags });
  if (typeof map === "number") throw new Error(`expected a map, got errno ${map}`);
  const trie = type === LPM_TRIE;
  const gate = memory.alloc(16);
  const shared = {
    handle: memoryHandle(memory),
    processes,
    shape: map.shape,
    map: map.offset,
    keys,
    keyAt: trie ? 4 : 0,
    prefix: trie ? 8 * (keySize - 4) : -1,
    steps,
    gate,
  };
  const data = Array.from({ length: processes }, (_, i): HistoryData => {
    return { ...shared, executor: i + 1, cpu: i, seed: Math.imul(seed + i + 1, 0x9e37_79b9) };
  });
  memory.executors.offline(0);
  const logs = await runWorkers<HistoryData, Int32Array>(worker, data);
  memory.executors.online(0);
  const own = isPerCpuType(type);
  const rules: RegisterRules = { own, values: own ? processes : 1, evicts: kind.evicts ?? false };
  const operations = logs.flatMap((log, process) => readLog(process, log));
  const { lookup } = new MapCode(memory).operations(map.shape);
  operations.push(...lastLookups());
  return {
    operations: operations.length,
    overlaps: overlapsOf(operations),
    violation: findViolation(operations, rules),
  };

  /** What is there in the end: nothing that was entered is lost. */
  function lastLookups(): Operation[] {
    const key = memory.alloc(keySize + 8);
    const words = memory.words();
    return Array.from({ length: keys }, (_, number) => {
      if (trie) words[key >>> 2] = shared.prefix;
      words[(key + shared.keyAt) >>> 2] = number;
      const at = lookup(shared.map, key, 0) >>> 0;
      const result = at === 0 ? ABSENT : words[at >>> 2]!;
      const moment = 2 ** 40 + 2 * number;
      return {
        kind: "lookup",
        process: 0,
        key: number,
        value: 0,
        flags: 0,
        result,
        start: moment,
        end: moment + 1,
      };
    });
  }
}

function overlapsOf(operations: readonly Operation[]): number {
  const sorted = [...operations].sort((one, other) => one.start - other.start);
  const ends = new Map<number, number>();
  let overlaps = 0;
  for (const { key, start, end } of sorted) {
    const last = ends.get(key) ?? -1;
    if (start < last) overlaps++;
    ends.set(key, Math.max(last, end));
  }
  return overlaps;
}
