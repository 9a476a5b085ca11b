import { type KernelMemory, MAX_EXECUTORS, PAGE_SIZE, RegionAccess } from "../mem/index.ts";
import { BpfMapFlag, BpfMapType, Errno } from "../uapi/index.ts";
import { ArenaField, ArenaPages } from "./arena.ts";
import { bucketsFor, checkMapAttributes } from "./check-attributes.ts";
import { BUCKET_SIZE } from "./emit-hash-find.ts";
import { fillLruLists, lruEntries, lruSize, lruTarget } from "./lru-lists.ts";
import type { MapAttributes } from "./map-attributes.ts";
import type { MapCode } from "./map-code.ts";
import { MAP_HEADER_SIZE, MapField, MapOperationSlot, SLAB_HEADER_SIZE } from "./map-header.ts";
import { MapObject } from "./map-object.ts";
import {
  arrayStride,
  elementSize,
  isCgroupStorage,
  isContainer,
  isDeviceMap,
  isHashType,
  isLocalStorage,
  isLruType,
  isMapOfMaps,
  isObjectArray,
  isPerCpuType,
  isRedirectMap,
  isSocketMap,
  nodeAt,
  rounded,
  shapeOf,
  valueAt,
} from "./map-shape.ts";
import type { MapShape } from "./operations.ts";
import { RING_DATA } from "./ring.ts";
import { socketFieldsSize, writeSocketFields } from "./socket-fields.ts";
import { RecordBlocks } from "./special-fields.ts";
import { StackEntry } from "./stack-traces.ts";
import type { MapEnvironment, MapStorage } from "./storage.ts";

/** Types that have helpers of their own. */
const OPAQUE: ReadonlySet<number> = new Set([
  BpfMapType.PROG_ARRAY,
  BpfMapType.PERF_EVENT_ARRAY,
  BpfMapType.CGROUP_STORAGE,
  BpfMapType.PERCPU_CGROUP_STORAGE,
  BpfMapType.RINGBUF,
  BpfMapType.CGROUP_ARRAY,
  BpfMapType.ARENA,
  BpfMapType.STACK_TRACE,
  BpfMapType.USER_RINGBUF,
  BpfMapType.STRUCT_OPS,
]);

/** Hash functions of a filter that does not say how many. */
const DEFAULT_HASHES = 5;

/** No block of the memory is larger. */
const MAX_BLOCK = 2 ** 31;

/**
 * A new, empty map.
 *
 * @returns a negative errno where Linux refuses the attributes (EINVAL, E2BIG), and ENOMEM where the memory has no room.
 */
export function createMap(environment: MapEnvironment, attributes: MapAttributes): MapStorage | number {
  const problem = checkMapAttributes(attributes);
  if (problem !== 0) return problem;
  const maxEntries = entriesOf(attributes, environment.cpus);
  const building = new MapBuilding(environment, { ...attributes, maxEntries });
  const map = building.build();
  if (map === null) building.abandon();
  return map ?? -Errno.ENOMEM;
}

/** Entries that a map has which was asked for as many as its attributes say: more with lists for each CPU. */
export function entriesOf({ type, maxEntries, flags }: MapAttributes, cpus: number): number {
  const common = (flags & BpfMapFlag.NO_COMMON_LRU) === 0;
  return isLruType(type) ? lruEntries(maxEntries, common, cpus) : maxEntries;
}

/**
 * Bits of a filter, a power of two (`bloom_map_alloc`): entries times hash functions by ln 2, of which 5/7 is near, make
 * false positives the rarest.
 */
export function filterBits(maxEntries: number, hashes: number): number {
  const each = maxEntries * hashes;
  const bits = Math.floor(each / 5) * 7;
  if (each > 0xffff_ffff || bits > 2 ** 31) return 2 ** 32;
  return bits <= 64 ? 64 : 2 ** Math.ceil(Math.log2(bits));
}

/** One creation: what was allocated so far, to be given back where it fails. */
class MapBuilding {
  readonly #environment: MapEnvironment;
  readonly #attributes: MapAttributes;
  readonly #memory: KernelMemory;
  readonly #blocks: number[] = [];
  readonly #regions: number[] = [];
  readonly #records: RecordBlocks;
  #header = 0;
  #pages: ArenaPages | null = null;

  constructor(environment: MapEnvironment, attributes: MapAttributes) {
    this.#environment = environment;
    this.#attributes = attributes;
    this.#memory = environment.memory;
    this.#records = new RecordBlocks(environment.memory);
  }

  build(): MapObject | null {
    const { cpus, bpfMapSize, code } = this.#environment;
    const { type, keySize, valueSize, maxEntries, flags } = this.#attributes;
    const shape = shapeOf(this.#attributes);
    const name = this.#name();
    this.#header = this.#allocate(MAP_HEADER_SIZE + Math.max(8, bpfMapSize));
    if (this.#header === 0) return null;
    const map = this.#header + MAP_HEADER_SIZE;
    const what = this.#memory.regions.name(`value of map ${name}`);
    if (what === 0) return null;
    this.#blocks.push(what);
    this.#set(MapField.MAX_ENTRIES, maxEntries);
    this.#set(MapField.CPUS, cpus);
    this.#set(MapField.TYPE, type);
    this.#set(MapField.KEY_SIZE, keySize);
    this.#set(MapField.VALUE_SIZE, valueSize);
    this.#set(MapField.FLAGS, flags);
    this.#set(MapField.WHAT, what);
    this.#set(MapField.ACCESS, this.#access());
    const { record } = this.#attributes;
    if (record !== undefined) {
      const at = this.#records.offsetOf(record);
      if (at === 0) return null;
      this.#set(MapField.RECORD, at);
    }
    if (code !== undefined) this.#enterOperations(code, shape);
    if (!this.#elements(type)) return null;
    const end = map + Math.max(8, bpfMapSize);
    if (!this.#region(map, end, RegionAccess.READ | RegionAccess.MAP, 0, 0, `map ${name}`)) return null;
    const holdings = {
      blocks: this.#blocks,
      regions: this.#regions,
      records: this.#records,
      arena: this.#pages,
    };
    return new MapObject(this.#environment, shape, map, holdings);
  }

  /** Gives back what a failed creation took; nothing else knows of it yet. */
  abandon(): void {
    for (const region of this.#regions) this.#memory.regions.remove(region);
    for (const block of this.#blocks) this.#memory.free(block);
    this.#records.close();
  }

  /**
   * What helpers for elements may do with the map (`check_map_func_compatibility`). With those that have helpers of
   * their own nothing, with a map of maps lookups; a map that programs only read has nothing that writes
   * (`record_func_map`).
   */
  #enterOperations(code: MapCode, shape: MapShape): void {
    const opaque = OPAQUE.has(shape.type) || isLocalStorage(shape.type);
    const indices = opaque ? null : code.indices(shape);
    if (indices === null) return;
    this.#set(MapField.OPERATIONS + 4 * MapOperationSlot.LOOKUP, indices.lookup);
    this.#set(MapField.OPERATIONS + 4 * MapOperationSlot.NEXT_KEY, indices.nextKey);
    if (indices.peek !== undefined) this.#set(MapField.OPERATIONS + 4 * MapOperationSlot.PEEK, indices.peek);
    const readOnly = isMapOfMaps(shape.type) || isRedirectMap(shape.type);
    if ((this.#attributes.flags & BpfMapFlag.RDONLY_PROG) !== 0 || readOnly) return;
    this.#set(MapField.OPERATIONS + 4 * MapOperationSlot.UPDATE, indices.update);
    this.#set(MapField.OPERATIONS + 4 * MapOperationSlot.DELETE, indices.delete);
    if (indices.push === undefined || indices.pop === undefined) return;
    this.#set(MapField.OPERATIONS + 4 * MapOperationSlot.PUSH, indices.push);
    this.#set(MapField.OPERATIONS + 4 * MapOperationSlot.POP, indices.pop);
  }

  #elements(type: number): boolean {
    if (type === BpfMapType.RINGBUF || type === BpfMapType.USER_RINGBUF) return this.#ring();
    if (type === BpfMapType.ARENA) return this.#arena();
    if (isCgroupStorage(type)) return this.#cgroupStorage();
    if (type === BpfMapType.LPM_TRIE || type === BpfMapType.STRUCT_OPS) return true;
    if (type === BpfMapType.STACK_TRACE) return this.#stacks();
    if (type === BpfMapType.BLOOM_FILTER) return this.#filter();
    if (isContainer(type)) return this.#queue();
    if (isSocketMap(type)) return this.#sockets(type);
    if (isLocalStorage(type) || type === BpfMapType.XSKMAP) return true;
    if (type === BpfMapType.DEVMAP_HASH) return this.#hash();
    return isHashType(type) ? this.#hash() : this.#array();
  }

  /** Its address space is its own from the start, its pages come later. */
  #arena(): boolean {
    const { maxEntries, flags, extra = 0n } = this.#attributes;
    const words = this.#allocate(ArenaField.BYTES);
    const present = this.#allocate(maxEntries);
    const size = maxEntries * PAGE_SIZE;
    const pages = size > MAX_BLOCK ? 0 : this.#allocate(size, PAGE_SIZE);
    if (words === 0 || present === 0 || pages === 0) return false;
    const view = this.#memory.view();
    view.setUint32(words + ArenaField.PAGES, pages, true);
    view.setUint32(words + ArenaField.SIZE, size, true);
    view.setUint32(words + ArenaField.PRESENT, present, true);
    this.#set(MapField.ARENA, words);
    this.#pages = new ArenaPages(this.#memory, words, (flags & BpfMapFlag.NO_USER_CONV) === 0);
    if (extra !== 0n) this.#pages.moveTo(extra);
    return true;
  }

  #cgroupStorage(): boolean {
    const { type, valueSize } = this.#attributes;
    this.#set(MapField.CPU_STRIDE, isPerCpuType(type) ? rounded(valueSize) : 0);
    return true;
  }

  /** Buckets, and as many stacks as there may be, all of which are free. */
  #stacks(): boolean {
    const { maxEntries, valueSize } = this.#attributes;
    const buckets = bucketsFor(maxEntries);
    const table = this.#allocate(4 * buckets);
    const size = StackEntry.DATA + valueSize;
    const entries = maxEntries * size > MAX_BLOCK ? 0 : this.#allocate(maxEntries * size);
    if (table === 0 || entries === 0) return false;
    this.#set(MapField.BUCKETS, table);
    this.#set(MapField.MASK, buckets - 1);
    this.#set(MapField.FREE, entries);
    const view = this.#memory.view();
    for (let i = 0; i < maxEntries - 1; i++) {
      view.setUint32(entries + i * size + StackEntry.NEXT, entries + (i + 1) * size, true);
    }
    return true;
  }

  #queue(): boolean {
    const { maxEntries, valueSize } = this.#attributes;
    const size = (maxEntries + 1) * rounded(valueSize);
    const places = size > MAX_BLOCK ? 0 : this.#allocate(size);
    this.#set(MapField.VALUES, places);
    this.#set(MapField.PLACES, maxEntries + 1);
    return places !== 0;
  }

  #filter(): boolean {
    const { maxEntries, flags, extra = 0n } = this.#attributes;
    const hashes = Number(extra & 0xfn) || DEFAULT_HASHES;
    const bits = filterBits(maxEntries, hashes);
    const words = this.#allocate(bits / 8);
    this.#set(MapField.VALUES, words);
    this.#set(MapField.PLACES, bits - 1);
    this.#set(MapField.HASHES, hashes);
    if ((flags & BpfMapFlag.ZERO_SEED) === 0) this.#set(MapField.SEED, this.#environment.random());
    return words !== 0;
  }

  #ring(): boolean {
    const { maxEntries } = this.#attributes;
    const bytes = RING_DATA + 2 * maxEntries;
    const ring = bytes > MAX_BLOCK ? 0 : this.#allocate(bytes, PAGE_SIZE);
    if (ring === 0) return false;
    const data = ring + RING_DATA;
    this.#set(MapField.VALUES, data);
    return this.#region(data, ring + bytes, this.#access(), 0, 0, `record of map ${this.#name()}`);
  }

  #sockets(type: number): boolean {
    const { cpus, sockets } = this.#environment;
    const fields = this.#allocate(socketFieldsSize(cpus));
    if (fields === 0) return false;
    if (sockets !== undefined) writeSocketFields(this.#memory, fields, sockets);
    this.#set(MapField.SOCKETS, fields);
    return type === BpfMapType.SOCKHASH ? this.#hash() : this.#array();
  }

  #array(): boolean {
    const { type, valueSize, maxEntries, flags } = this.#attributes;
    const stride = arrayStride(shapeOf(this.#attributes));
    const cpus = isPerCpuType(type) ? this.#environment.cpus : 1;
    // One CPU's values fill whole cache lines, so that no two CPUs write the same one.
    const area = cpus === 1 ? maxEntries * stride : Math.ceil((maxEntries * stride) / 64) * 64;
    const mmapable = (flags & BpfMapFlag.MMAPABLE) !== 0;
    const size = mmapable ? Math.ceil(area / PAGE_SIZE) * PAGE_SIZE : area * cpus;
    const values = this.#allocate(size, mmapable ? PAGE_SIZE : 64);
    if (values === 0) return false;
    this.#set(MapField.VALUES, values);
    this.#set(MapField.CPU_STRIDE, area);
    if (isObjectArray(type) || isSocketMap(type)) return true;
    for (let cpu = 0; cpu < cpus; cpu++) {
      const start = values + cpu * area;
      const what = `value of map ${this.#name()}`;
      if (!this.#region(start, start + maxEntries * stride, this.#access(), stride, valueSize, what))
        return false;
    }
    return true;
  }

  #hash(): boolean {
    const { maxEntries, flags: asked } = this.#attributes;
    const { flags } = shapeOf(this.#attributes);
    // What needs most comes first: a map that has no room grows the memory for nothing else.
    if ((flags & BpfMapFlag.NO_PREALLOC) === 0 && !this.#preallocate()) return false;
    const buckets = bucketsFor(maxEntries);
    const table = this.#allocate(buckets * BUCKET_SIZE);
    if (table === 0) return false;
    this.#set(MapField.BUCKETS, table);
    this.#set(MapField.MASK, buckets - 1);
    if ((asked & BpfMapFlag.ZERO_SEED) === 0) {
      this.#set(MapField.SEED, this.#environment.random());
      this.#set(MapField.SEED + 4, this.#environment.random());
    }
    return true;
  }

  /** `prealloc_init`: all elements, and one more for each executor by which it replaces a value. */
  #preallocate(): boolean {
    const { type, valueSize, maxEntries } = this.#attributes;
    const { cpus } = this.#environment;
    const shape = shapeOf(this.#attributes);
    const size = elementSize(shape);
    const perCpu = isPerCpuType(type);
    const lru = isLruType(type);
    // As many executors as CPUs, and the kernel's own thread.
    const spares = perCpu || lru ? 0 : Math.min(cpus + 1, MAX_EXECUTORS);
    const elements = SLAB_HEADER_SIZE + (maxEntries + spares) * size;
    const area = perCpu ? Math.ceil(maxEntries / 8) * 8 * rounded(valueSize) : 0;
    const valuesFrom = perCpu ? Math.ceil(elements / 64) * 64 : elements;
    const slab = this.#allocate(valuesFrom + area * cpus, 64);
    if (slab === 0) return false;
    const start = slab + SLAB_HEADER_SIZE;
    const end = start + maxEntries * size;
    this.#set(MapField.FRESH, start);
    this.#set(MapField.FRESH_END, end);
    this.#set(MapField.POOLED, maxEntries);
    if (perCpu) {
      this.#set(MapField.FRESH_VALUE, slab + valuesFrom);
      this.#set(MapField.FRESH_STRIDE, area);
    } else if (!lru) {
      const table = this.#allocate(4 * MAX_EXECUTORS);
      if (table === 0) return false;
      this.#set(MapField.SPARES, table);
      const view = this.#memory.view();
      for (let i = 0; i < spares; i++) view.setUint32(table + 4 * i, end + i * size, true);
    }
    if (lru && !this.#lru(start, perCpu ? { values: slab + valuesFrom, area } : null)) return false;
    const from = perCpu ? slab + valuesFrom : start + valueAt(shape);
    const to = perCpu ? slab + valuesFrom + area * cpus : slab + elements;
    const what = `value of map ${this.#name()}`;
    return this.#region(from, to, this.#access(), perCpu ? rounded(valueSize) : size, valueSize, what);
  }

  /** All elements are in lists from the start; those of a per-CPU map have their values already. */
  #lru(first: number, perCpu: { readonly values: number; readonly area: number } | null): boolean {
    const { flags, maxEntries, valueSize } = this.#attributes;
    const { cpus } = this.#environment;
    const shape = shapeOf(this.#attributes);
    const common = (flags & BpfMapFlag.NO_COMMON_LRU) === 0;
    const lists = this.#allocate(lruSize(common, cpus));
    if (lists === 0) return false;
    this.#set(MapField.LRU, lists);
    this.#set(MapField.LRU_TARGET, lruTarget(maxEntries, cpus));
    const stride = elementSize(shape);
    const elements = { first: first + nodeAt(shape), stride, count: maxEntries };
    fillLruLists(this.#memory, lists, { common, cpus }, elements);
    const words = this.#memory.words();
    for (let i = 0; perCpu !== null && i < maxEntries; i++) {
      const at = (first + i * stride + valueAt(shape)) >>> 2;
      words[at] = perCpu.values + i * rounded(valueSize);
      words[at + 1] = perCpu.area;
    }
    return true;
  }

  /** What messages call it: names are optional. */
  #name(): string {
    return this.#attributes.name || "(unnamed)";
  }

  /** What programs may do with values (`BPF_F_RDONLY_PROG`, `BPF_F_WRONLY_PROG`). */
  #access(): number {
    const { flags, type } = this.#attributes;
    // Not even a program that nobody has verified gets at the offsets of inner maps and sockets.
    if (isMapOfMaps(type) || isSocketMap(type)) return 0;
    if ((flags & BpfMapFlag.RDONLY_PROG) !== 0 || isDeviceMap(type)) return RegionAccess.READ;
    return (flags & BpfMapFlag.WRONLY_PROG) !== 0 ? RegionAccess.WRITE : RegionAccess.READ_WRITE;
  }

  #allocate(size: number, alignment = 64): number {
    const block = this.#memory.alloc(size, alignment);
    if (block !== 0) this.#blocks.push(block);
    return block;
  }

  #set(field: number, value: number): void {
    this.#memory.view().setUint32(this.#header + field, value, true);
  }

  #region(start: number, end: number, access: number, stride: number, size: number, what: string): boolean {
    const handle = this.#memory.regions.tryAdd({ start, end, access, stride, size, what });
    if (handle === 0) return false;
    this.#regions.push(handle);
    return true;
  }
}
