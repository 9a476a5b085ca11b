import type { BpfCommands, MapInfo, MapKeyArguments } from "../sys/index.ts";
import { Errno } from "../sys/index.ts";
import { BpfMapType, errnoMessage } from "../uapi/index.ts";

/** An element of a map; `value` is null where the kernel gives none, and `why` its errno. */
export interface MapEntry {
  readonly key: Uint8Array;
  readonly value: Uint8Array | null;
  /** ENOENT 2 for one that has gone meanwhile; else what the kernel answered. */
  readonly why: number;
}

const ENOENT = 2;

/** Bytes of one CPU's value in what a look-up of a per-CPU map gives. */
export function cpuStride(info: MapInfo): number {
  return (info.valueSize + 7) & ~7;
}

/** The elements of a map in the kernel's order, each once as long as nobody deletes under our hands. */
export function* mapEntries(sys: BpfCommands, fd: number, info: MapInfo): IterableIterator<MapEntry> {
  // A map changed while it is read may send us back to its start: no more than it can hold are given.
  let left = info.maxEntries;
  // Asked for once, not with every element.
  const userValueSize = info.perCpu ? cpuStride(info) * sys.possibleCpus() : info.valueSize;
  let key = sys.mapGetNextKey({ mapFd: fd, key: null, keySize: info.keySize });
  while (key !== null && left-- > 0) {
    yield entryOf(sys, { mapFd: fd, key, userValueSize });
    key = sys.mapGetNextKey({ mapFd: fd, key, keySize: info.keySize });
  }
}

/** Types without keys to go from one to the next by: their `map_get_next_key` refuses whatever they hold. */
const KEYLESS: ReadonlySet<number> = new Set([
  BpfMapType.RINGBUF,
  BpfMapType.USER_RINGBUF,
  BpfMapType.QUEUE,
  BpfMapType.STACK,
  BpfMapType.BLOOM_FILTER,
  BpfMapType.SK_STORAGE,
  BpfMapType.INODE_STORAGE,
  BpfMapType.TASK_STORAGE,
  BpfMapType.CGRP_STORAGE,
  BpfMapType.ARENA,
]);

/** Why the elements of a map cannot be listed. */
export interface Unlisted {
  readonly why: string;
  /** Whether that is so for every map of the type, and no failure. */
  readonly expected: boolean;
}

/** Null where the elements of a map can be listed. */
export function unlisted(
  sys: BpfCommands,
  { fd, info }: { readonly fd: number; readonly info: MapInfo },
): Unlisted | null {
  try {
    sys.mapGetNextKey({ mapFd: fd, key: null, keySize: info.keySize });
    return null;
  } catch (error) {
    if (!(error instanceof Errno)) throw error;
    if (KEYLESS.has(info.type)) {
      return { why: "a map of this type has no keys to list its elements by", expected: true };
    }
    return { why: errnoMessage(error.errno), expected: false };
  }
}

function entryOf(sys: BpfCommands, at: MapKeyArguments): MapEntry {
  const { key } = at;
  try {
    const value = sys.mapLookupElem(at);
    return { key, value, why: value === null ? ENOENT : 0 };
  } catch (error) {
    if (!(error instanceof Errno)) throw error;
    return { key, value: null, why: error.errno };
  }
}
