import { Control, type KernelMemory } from "../mem/index.ts";
import { BpfMapFlag, BpfStackFlag, Errno } from "../uapi/index.ts";
import { jhash2 } from "./jhash.ts";
import { MAP_HEADER_SIZE, MapField } from "./map-header.ts";

/**
 * A stack in a map, in a bucket or in the list of free ones:
 *
 * ```text
 *  +------------------+--------+----------------------------------------------------+
 *  | hash; free: next | frames | an address, or a struct bpf_stack_build_id, each   |
 *  +------------------+--------+----------------------------------------------------+
 * ```
 */
export const StackEntry = { HASH: 0, NEXT: 0, FRAMES: 4, DATA: 8 } as const;

/** `struct bpf_stack_build_id`: a status, 20 bytes of a build id, and an address or an offset in the file. */
export const StackBuildId = { STATUS: 0, ID: 4, ID_SIZE: 20, ADDRESS: 24, SIZE: 32 } as const;

/** `enum bpf_stack_build_id_status`: the frame is in a file with an id, or all that is known is its address. */
const StackBuildIdStatus = { VALID: 1, ADDRESS_ONLY: 2 } as const;

/** sysctl `kernel.perf_event_max_stack` */
export const MAX_STACK_DEPTH = 127;

/** Where in a file an address is. */
export interface FilePlace {
  /** At most 20 bytes. */
  readonly buildId: Uint8Array;
  readonly offset: bigint;
}

/** Writes a frame as a `struct bpf_stack_build_id`; `place` is null where it is in no file that has an id. */
export function writeBuildId(
  memory: KernelMemory,
  at: number,
  address: bigint,
  place: FilePlace | null,
): void {
  const view = memory.view();
  memory.bytes().fill(0, at + StackBuildId.ID, at + StackBuildId.ADDRESS);
  const status = place === null ? StackBuildIdStatus.ADDRESS_ONLY : StackBuildIdStatus.VALID;
  view.setInt32(at + StackBuildId.STATUS, status, true);
  if (place !== null)
    memory.bytes().set(place.buildId.subarray(0, StackBuildId.ID_SIZE), at + StackBuildId.ID);
  view.setBigUint64(at + StackBuildId.ADDRESS, place?.offset ?? address, true);
}

/** The stacks in maps of `BPF_MAP_TYPE_STACK_TRACE` (kernel/bpf/stackmap.c). Maps and keys are offsets. */
export class StackTraces {
  readonly #memory: KernelMemory;

  constructor(memory: KernelMemory) {
    this.#memory = memory;
  }

  /**
   * The id of a stack, which is entered where it is not there (`__bpf_get_stackid`).
   *
   * @param frames addresses, the innermost first, without those that are skipped.
   * @param flags `BPF_F_FAST_STACK_CMP`, `BPF_F_REUSE_STACKID`.
   * @param placeOf where in a file an address is, for maps of build ids.
   * @returns EEXIST where another stack has the id, ENOMEM where no entry is free, EFAULT for no frames.
   */
  idOf(
    map: number,
    frames: readonly bigint[],
    flags: number,
    placeOf: (address: bigint) => FilePlace | null,
  ): number {
    if (frames.length === 0) return -Errno.EFAULT;
    const header = map - MAP_HEADER_SIZE;
    const hash = jhash2(new Uint32Array(BigUint64Array.from(frames).buffer), 0);
    const id = (hash & this.#field(header, MapField.MASK)) >>> 0;
    const bucket = this.#bucket(header, id);
    const there = Atomics.load(this.#memory.words(), bucket) >>> 0;
    const alike = there !== 0 && this.#memory.view().getUint32(there + StackEntry.HASH, true) === hash;
    if (alike && (flags & BpfStackFlag.FAST_STACK_CMP) !== 0) return id;
    // The build ids are found out before anything can be compared, and take an entry for that.
    const byFile = (this.#field(header, MapField.FLAGS) & BpfMapFlag.STACK_BUILD_ID) !== 0;
    const reuse = (flags & BpfStackFlag.REUSE_STACKID) !== 0;
    if (!byFile && alike && this.#holds(there, frames)) return id;
    if (!byFile && there !== 0 && !reuse) return -Errno.EEXIST;
    const entry = this.#take(header);
    if (entry === 0) return -Errno.ENOMEM;
    this.#fill(entry, { hash, frames, placeOf: byFile ? placeOf : null });
    if (byFile && there !== 0) {
      const same = alike && this.#sameFrames(there, entry);
      if (same || !reuse) this.#give(header, entry);
      if (same) return id;
      if (!reuse) return -Errno.EEXIST;
    }
    const old = Atomics.exchange(this.#memory.words(), bucket, entry) >>> 0;
    if (old !== 0) this.#give(header, old);
    return id;
  }

  /** Copies a stack to `to`, with zeros behind it, and takes it out where `remove` says so. ENOENT. */
  extract(map: number, key: number, to: number, remove: boolean): number {
    const header = map - MAP_HEADER_SIZE;
    const id = this.#memory.view().getUint32(key, true);
    if (id > this.#field(header, MapField.MASK)) return -Errno.ENOENT;
    const words = this.#memory.words();
    const bucket = this.#bucket(header, id);
    // While it is copied it is in no bucket, so that nobody frees it.
    const entry = Atomics.exchange(words, bucket, 0) >>> 0;
    if (entry === 0) return -Errno.ENOENT;
    const size = this.#field(header, MapField.VALUE_SIZE);
    const length = this.#memory.view().getUint32(entry + StackEntry.FRAMES, true) * this.#stride(header);
    const bytes = this.#memory.bytes();
    bytes.copyWithin(to, entry + StackEntry.DATA, entry + StackEntry.DATA + length);
    bytes.fill(0, to + length, to + size);
    const old = remove ? entry : Atomics.exchange(words, bucket, entry) >>> 0;
    if (old !== 0) this.#give(header, old);
    return 0;
  }

  /** `stack_map_delete_elem`: E2BIG for an id that no stack can have, ENOENT. */
  delete(map: number, key: number): number {
    const header = map - MAP_HEADER_SIZE;
    const id = this.#memory.view().getUint32(key, true);
    if (id > this.#field(header, MapField.MASK)) return -Errno.E2BIG;
    const old = Atomics.exchange(this.#memory.words(), this.#bucket(header, id), 0) >>> 0;
    if (old === 0) return -Errno.ENOENT;
    this.#give(header, old);
    return 0;
  }

  /** `stack_map_get_next_key`: an id that no stack has starts over. ENOENT. */
  nextKey(map: number, key: number, next: number): number {
    const header = map - MAP_HEADER_SIZE;
    const last = this.#field(header, MapField.MASK);
    const words = this.#memory.words();
    const has = (id: number) => Atomics.load(words, this.#bucket(header, id)) !== 0;
    const view = this.#memory.view();
    const before = key === 0 ? -1 : view.getUint32(key, true);
    let id = before < 0 || before > last || !has(before) ? 0 : before + 1;
    while (id <= last && !has(id)) id++;
    if (id > last) return -Errno.ENOENT;
    view.setUint32(next, id, true);
    return 0;
  }

  #fill(
    entry: number,
    stack: {
      readonly hash: number;
      readonly frames: readonly bigint[];
      readonly placeOf: ((address: bigint) => FilePlace | null) | null;
    },
  ): void {
    const { hash, frames, placeOf } = stack;
    const view = this.#memory.view();
    view.setUint32(entry + StackEntry.HASH, hash, true);
    view.setUint32(entry + StackEntry.FRAMES, frames.length, true);
    for (const [i, address] of frames.entries()) {
      const at = entry + StackEntry.DATA;
      if (placeOf === null) view.setBigUint64(at + 8 * i, address, true);
      else writeBuildId(this.#memory, at + StackBuildId.SIZE * i, address, placeOf(address));
    }
  }

  #holds(entry: number, frames: readonly bigint[]): boolean {
    const view = this.#memory.view();
    if (view.getUint32(entry + StackEntry.FRAMES, true) !== frames.length) return false;
    return frames.every((address, i) => view.getBigUint64(entry + StackEntry.DATA + 8 * i, true) === address);
  }

  #sameFrames(one: number, other: number): boolean {
    const view = this.#memory.view();
    const count = view.getUint32(one + StackEntry.FRAMES, true);
    if (view.getUint32(other + StackEntry.FRAMES, true) !== count) return false;
    const bytes = this.#memory.bytes();
    for (let at = StackEntry.DATA; at < StackEntry.DATA + count * StackBuildId.SIZE; at++) {
      if (bytes[one + at] !== bytes[other + at]) return false;
    }
    return true;
  }

  #take(header: number): number {
    return this.#locked(header, () => {
      const entry = this.#field(header, MapField.FREE);
      const view = this.#memory.view();
      if (entry !== 0)
        view.setUint32(header + MapField.FREE, view.getUint32(entry + StackEntry.NEXT, true), true);
      return entry;
    });
  }

  #give(header: number, entry: number): void {
    this.#locked(header, () => {
      const view = this.#memory.view();
      view.setUint32(entry + StackEntry.NEXT, this.#field(header, MapField.FREE), true);
      view.setUint32(header + MapField.FREE, entry, true);
    });
  }

  /** Where several executors may be at work, the list of free entries is one's at a time. */
  #locked<T>(header: number, act: () => T): T {
    const parallel = this.#memory.words()[Control.PARALLEL >>> 2] !== 0;
    const { lock, unlock } = this.#memory.functions;
    if (parallel) lock(header + MapField.POOL_LOCK);
    const result = act();
    if (parallel) unlock(header + MapField.POOL_LOCK);
    return result;
  }

  #stride(header: number): number {
    const byFile = (this.#field(header, MapField.FLAGS) & BpfMapFlag.STACK_BUILD_ID) !== 0;
    return byFile ? StackBuildId.SIZE : 8;
  }

  /** The index of a bucket's word. */
  #bucket(header: number, id: number): number {
    return (this.#field(header, MapField.BUCKETS) + 4 * id) >>> 2;
  }

  #field(header: number, field: number): number {
    return this.#memory.view().getUint32(header + field, true);
  }
}
