import { isArrayType, isHashType } from "../../maps/index.ts";
import { BpfMapType, Errno } from "../../uapi/index.ts";
import type { Attr } from "../attr.ts";
import type { KernelMap } from "../objects/map.ts";
import type { Process } from "../process.ts";
import { Refusal, refuse } from "../refusal.ts";
import { BPF_F_LOCK, deleteElement, readElement, refuseLock, writeElement } from "./map-elements.ts";

type BatchCommand =
  | "MAP_LOOKUP_BATCH"
  | "MAP_LOOKUP_AND_DELETE_BATCH"
  | "MAP_UPDATE_BATCH"
  | "MAP_DELETE_BATCH";

/** A batch command (`bpf_map_do_batch`): all four share one member of the union. */
export function mapBatch(command: BatchCommand) {
  return (process: Process, attr: Attr): number => {
    const args = attr.fields(command);
    const reads = command === "MAP_LOOKUP_BATCH" || command === "MAP_LOOKUP_AND_DELETE_BATCH";
    const map = process.map(args.mapFd, reads ? "read" : "write");
    if (command === "MAP_LOOKUP_AND_DELETE_BATCH") {
      process.map(args.mapFd, "write");
      if (!isHashType(map.type)) refuse(Errno.ENOTSUPP);
    }
    const deletes = isHashType(map.type) || map.type === BpfMapType.LPM_TRIE;
    if (command === "MAP_DELETE_BATCH" && !deletes) refuse(Errno.ENOTSUPP);
    if (!isBatched(map.type)) refuse(Errno.ENOTSUPP);
    if ((args.elemFlags & ~BPF_F_LOCK) !== 0n) refuse(Errno.EINVAL);
    refuseLock(map, args.elemFlags);
    // Only the hash tables' own walk looks at these.
    if (reads && isHashType(map.type) && args.flags !== 0n) refuse(Errno.EINVAL);
    const wanted = args.count;
    if (wanted === 0) return 0;
    // The count is 0 until something was done, whatever happens (`put_user(0, &uattr->batch.count)`).
    attr.put(command, "count", 0);
    const run: BatchRun = { process, map, args, wanted, done: (count) => attr.put(command, "count", count) };
    if (command === "MAP_UPDATE_BATCH") return updateBatch(run);
    if (command === "MAP_DELETE_BATCH") return deleteBatch(run);
    return isHashType(map.type) ? hashBatch(run, command === "MAP_LOOKUP_AND_DELETE_BATCH") : keyBatch(run);
  };
}

/** Arrays of what descriptors name. */
const NO_BATCHES: ReadonlySet<number> = new Set([
  BpfMapType.PROG_ARRAY,
  BpfMapType.PERF_EVENT_ARRAY,
  BpfMapType.CGROUP_ARRAY,
]);

/** Whether the type has batches at all (`BATCH_OPS`). */
function isBatched(type: number): boolean {
  if (NO_BATCHES.has(type)) return false;
  return isHashType(type) || isArrayType(type) || type === BpfMapType.LPM_TRIE;
}

interface BatchRun {
  readonly process: Process;
  readonly map: KernelMap;
  readonly args: {
    readonly inBatch: bigint;
    readonly outBatch: bigint;
    readonly keys: bigint;
    readonly values: bigint;
    readonly elemFlags: bigint;
  };
  readonly wanted: number;
  readonly done: (count: number) => void;
}

/** `generic_map_update_batch`: stops at the first element that is refused, and says how many came before it. */
function updateBatch({ process, map, args, wanted, done }: BatchRun): number {
  const { keySize } = map;
  const { userValueSize } = map.parts;
  const scratch = process.scratch(keySize + userValueSize + 8);
  const valueAt = scratch + ((keySize + 7) & -8);
  return eachOf(wanted, done, (i) => {
    process.copyIn(args.keys + BigInt(i * keySize), scratch, keySize);
    process.copyIn(args.values + BigInt(i * userValueSize), valueAt, userValueSize);
    writeElement(process, map, scratch, valueAt, args.elemFlags);
  });
}

/** `generic_map_delete_batch`. */
function deleteBatch({ process, map, args, wanted, done }: BatchRun): number {
  const scratch = process.scratch(map.keySize);
  return eachOf(wanted, done, (i) => {
    process.copyIn(args.keys + BigInt(i * map.keySize), scratch, map.keySize);
    deleteElement(process, map, scratch);
  });
}

function eachOf(wanted: number, done: (count: number) => void, act: (index: number) => void): number {
  let count = 0;
  try {
    for (; count < wanted; count++) act(count);
    return 0;
  } finally {
    done(count);
  }
}

/** `generic_map_lookup_batch`: positions are keys. */
function keyBatch({ process, map, args, wanted, done }: BatchRun): number {
  const { keySize } = map;
  const { operations, userValueSize } = map.parts;
  const scratch = process.scratch(2 * (keySize + 8) + userValueSize);
  const previous = scratch;
  const key = scratch + ((keySize + 7) & -8);
  const value = key + ((keySize + 7) & -8);
  let at = 0;
  if (args.inBatch !== 0n) {
    process.copyIn(args.inBatch, previous, keySize);
    at = previous;
  }
  let count = 0;
  let result = 0;
  while (count < wanted) {
    result = operations.nextKey(map.offset, at, key);
    if (result !== 0) break;
    process.machine.memory.bytes().copyWithin(previous, key, key + keySize);
    at = previous;
    // A place of an array that holds no map.
    if (map.inners !== null && operations.lookup(map.offset, key, 0) === 0) continue;
    if (!found(() => readElement(process, map, key, value, args.elemFlags))) continue;
    process.copyOut(args.keys + BigInt(count * keySize), key, keySize);
    process.copyOut(args.values + BigInt(count * userValueSize), value, userValueSize);
    count++;
  }
  done(count);
  if (count > 0) process.copyOut(args.outBatch, previous, keySize);
  return result;
}

/**
 * `__htab_map_lookup_and_delete_batch`: positions are bucket numbers, and a bucket is taken whole or not at all, so
 * that nothing is seen twice and nothing missed however the table changes between two calls.
 */
function hashBatch({ process, map, args, wanted, done }: BatchRun, remove: boolean): number {
  const { storage, userValueSize } = map.parts;
  const { keySize } = map;
  const buckets = storage.buckets();
  let bucket = args.inBatch === 0n ? 0 : process.u32(args.inBatch);
  if (bucket >= buckets) refuse(Errno.ENOENT);
  const memory = process.machine.memory;
  let count = 0;
  let problem = 0;
  for (; bucket < buckets; bucket++) {
    const taken = storage.whileLocked(bucket, () => {
      const keys = storage.keysOf(bucket);
      if (keys.length === 0 || keys.length > wanted - count) return { length: keys.length, scratch: 0 };
      const scratch = process.scratch(keys.length * (keySize + userValueSize));
      const values = scratch + keys.length * keySize;
      for (const [i, key] of keys.entries()) {
        memory.bytes().copyWithin(scratch + i * keySize, key, key + keySize);
        readElement(process, map, key, values + i * userValueSize, args.elemFlags);
      }
      return { length: keys.length, scratch };
    });
    if (taken.length === 0) continue;
    if (taken.length > wanted - count) {
      // A bucket larger than the whole batch: the caller has to come back with a larger one.
      if (count === 0) problem = -Errno.ENOSPC;
      break;
    }
    const { scratch } = taken;
    const values = scratch + taken.length * keySize;
    // The last one is freed first, which those who take free elements notice (batch_flink).
    const gone = new Set<number>();
    if (remove) {
      for (let i = taken.length; i-- > 0; ) {
        // Another executor has deleted it meanwhile: it is not ours to give.
        if (!deleted(process, map, scratch + i * keySize)) gone.add(i);
      }
    }
    // As in Linux the elements are gone before the caller has them: where a buffer is bad they are lost.
    for (let i = 0; i < taken.length; i++) {
      if (gone.has(i)) continue;
      process.copyOut(args.keys + BigInt(count * keySize), scratch + i * keySize, keySize);
      process.copyOut(args.values + BigInt(count * userValueSize), values + i * userValueSize, userValueSize);
      count++;
    }
  }
  process.writeU32(args.outBatch, bucket);
  done(count);
  return bucket === buckets ? -Errno.ENOENT : problem;
}

/** Deletes an element. @returns false where it was gone already. */
function deleted(process: Process, map: KernelMap, key: number): boolean {
  return found(() => void deleteElement(process, map, key));
}

/** Does something to an element. @returns false where it is not there: another executor may have deleted it (ENOENT). */
function found(act: () => void): boolean {
  try {
    act();
    return true;
  } catch (error) {
    if (error instanceof Refusal && error.errno === Errno.ENOENT) return false;
    throw error;
  }
}
