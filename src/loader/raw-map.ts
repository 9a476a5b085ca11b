import { type BpfCommands, Errno, type MapBatch, type MapInfo } from "../sys/index.ts";
import { BpfMapType } from "../uapi/index.ts";

/** What is known of a map: enough to size all buffers. */
export type MapShape = Pick<MapInfo, "type" | "keySize" | "valueSize" | "maxEntries" | "perCpu">;

/** Elements asked for in one batch. */
const BATCH = 4096;

/** Kernels refuse batches of map types that have none by one of these (524 is the kernel's own ENOTSUPP). */
const NO_BATCH: ReadonlySet<number> = new Set([22, 95, 524]);

const ENOSPC = 28;

/**
 * A map as bytes: keys of `key_size`, values as system calls show them (per-CPU: `round_up(value_size, 8)` bytes for
 * each possible CPU). All buffers that it returns are the caller's.
 */
export class RawMap {
  readonly #sys: BpfCommands;
  readonly fd: number;
  readonly shape: MapShape;
  /** Bytes of a value as system calls see it. */
  readonly userValueSize: number;

  constructor(sys: BpfCommands, fd: number, shape: MapShape) {
    this.#sys = sys;
    this.fd = fd;
    this.shape = shape;
    this.userValueSize = shape.perCpu ? ((shape.valueSize + 7) & -8) * sys.possibleCpus() : userSize(shape);
  }

  get(key: Uint8Array): Uint8Array | null {
    return this.#sys.mapLookupElem({ mapFd: this.fd, key, userValueSize: this.userValueSize });
  }

  set(key: Uint8Array, value: Uint8Array, flags: number | bigint = 0): void {
    this.#sys.mapUpdateElem({ mapFd: this.fd, key, value, flags });
  }

  /** False where the key was not there. */
  delete(key: Uint8Array): boolean {
    return this.#sys.mapDeleteElem({ mapFd: this.fd, key });
  }

  /** Takes an element out: of a hash map, a queue or a stack (whose keys are empty). */
  take(key: Uint8Array = NO_BYTES): Uint8Array | null {
    return this.#sys.mapLookupAndDeleteElem({ mapFd: this.fd, key, userValueSize: this.userValueSize });
  }

  /** All elements, in batches where the kernel has them for this type; what changes meanwhile may be missed or come twice. */
  *entries(): Generator<[key: Uint8Array, value: Uint8Array]> {
    const batches = this.#batches();
    if (batches !== null) {
      yield* batches;
      return;
    }
    for (const key of this.keys()) {
      const value = this.#readable(key);
      if (value !== null) yield [key, value];
    }
  }

  *keys(): Generator<Uint8Array> {
    const { keySize } = this.shape;
    let key = this.#sys.mapGetNextKey({ mapFd: this.fd, key: null, keySize });
    // A hash map starts over where the key it was to go on from is gone: what it can hold bounds that.
    for (let left = 2 * this.shape.maxEntries + 2; key !== null && left > 0; left--) {
      yield key;
      key = this.#sys.mapGetNextKey({ mapFd: this.fd, key, keySize });
    }
  }

  /** The value, or null where it is gone, or where this type lets nobody read (maps of programs before Linux 5.x). */
  #readable(key: Uint8Array): Uint8Array | null {
    try {
      return this.get(key);
    } catch (error) {
      if (error instanceof Errno && error.code === "EOPNOTSUPP") return null;
      throw error;
    }
  }

  /** null where the kernel has no batches for it. */
  #batches(): Generator<[Uint8Array, Uint8Array]> | null {
    try {
      const first = this.#batch(null, BATCH);
      return this.#rest(first);
    } catch (error) {
      if (error instanceof Errno && NO_BATCH.has(error.errno)) return null;
      throw error;
    }
  }

  *#rest(first: MapBatch): Generator<[Uint8Array, Uint8Array]> {
    const { keySize } = this.shape;
    const size = this.userValueSize;
    for (let batch = first; ; ) {
      for (let i = 0; i < batch.count; i++) {
        yield [
          batch.keys.slice(i * keySize, (i + 1) * keySize),
          batch.values.slice(i * size, (i + 1) * size),
        ];
      }
      if (batch.next === null) return;
      batch = this.#batch(batch.next, BATCH);
    }
  }

  /** A hash map gives whole buckets: one with more elements than asked for needs a larger batch. */
  #batch(position: Uint8Array | null, count: number): MapBatch {
    const { keySize, maxEntries } = this.shape;
    for (let size = Math.min(count, Math.max(1, maxEntries)); ; size *= 2) {
      try {
        return this.#sys.mapLookupBatch({
          mapFd: this.fd,
          position,
          count: size,
          sizes: { keySize, userValueSize: this.userValueSize },
        });
      } catch (error) {
        if (!(error instanceof Errno) || error.errno !== ENOSPC || size >= 2 * maxEntries) throw error;
      }
    }
  }
}

const NO_BYTES = new Uint8Array(0);

/** Maps of descriptors show ids of four bytes. */
function userSize({ type, valueSize }: MapShape): number {
  const ids =
    type === BpfMapType.PROG_ARRAY || type === BpfMapType.ARRAY_OF_MAPS || type === BpfMapType.HASH_OF_MAPS;
  return ids ? 4 : valueSize;
}
