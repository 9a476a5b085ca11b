import { TsbpfError } from "../base/index.ts";
import type { Btf } from "../btf/index.ts";
import type { MapSpec } from "../object/index.ts";
import { type BpfCommands, Errno, type Mapping, mapInfo } from "../sys/index.ts";
import { BpfMapType } from "../uapi/index.ts";
import { PerCpu } from "./per-cpu.ts";
import { RawMap } from "./raw-map.ts";
import { type MapValue, type MapValueInput, ValueCodec } from "./value-codec.ts";

const INDEXED: ReadonlySet<number> = new Set([
  BpfMapType.ARRAY,
  BpfMapType.PERCPU_ARRAY,
  BpfMapType.PROG_ARRAY,
  BpfMapType.PERF_EVENT_ARRAY,
  BpfMapType.ARRAY_OF_MAPS,
  BpfMapType.CGROUP_ARRAY,
  BpfMapType.DEVMAP,
  BpfMapType.CPUMAP,
  BpfMapType.XSKMAP,
  BpfMapType.SOCKMAP,
]);

const OF_NUMBERS: ReadonlySet<number> = new Set([
  BpfMapType.PROG_ARRAY,
  BpfMapType.PERF_EVENT_ARRAY,
  BpfMapType.ARRAY_OF_MAPS,
  BpfMapType.HASH_OF_MAPS,
  BpfMapType.CGROUP_ARRAY,
  BpfMapType.SOCKMAP,
  BpfMapType.SOCKHASH,
  BpfMapType.XSKMAP,
]);

/** Of an arena, and of all architectures that have them. */
const PAGE_SIZE = 4096;

/**
 * A map that was loaded, typed by the object's BTF, with the methods of a JavaScript `Map`: structs are objects,
 * integers `number` up to 32 bits and `bigint` above, arrays of `char` strings; keys and values without a type are
 * bytes. A per-CPU map gives {@link PerCpu} values. `raw` has all of it as bytes.
 *
 * ```ts
 * for (const [flow, { packets }] of object.maps.get("flows")!) print(flow, packets.sum());
 * ```
 */
export class LoadedMap<K = MapValue, V = MapValue> implements Iterable<[K, V]>, Disposable {
  readonly name: string;
  readonly spec: MapSpec;
  readonly fd: number;
  /** Of a struct_ops map: what it is attached with (element 0), programs' descriptors included; else null. */
  readonly structOpsValue: Uint8Array | null;
  /** Where it was pinned when it was loaded; null where it was not. */
  readonly pinPath: string | null;
  readonly #sys: BpfCommands;
  readonly #keys: ValueCodec;
  readonly #values: ValueCodec;
  #raw: RawMap | undefined;
  /** Of an arena: its user address lasts as long as it is mapped. */
  #mapping: Mapping | undefined;
  #open = true;

  constructor(
    sys: BpfCommands,
    fd: number,
    parts: {
      readonly name: string;
      readonly spec: MapSpec;
      readonly btf: Btf | null;
      readonly structOpsValue?: Uint8Array;
      readonly pinPath?: string | null;
    },
  ) {
    const { spec, btf } = parts;
    this.#sys = sys;
    this.fd = fd;
    this.name = parts.name;
    this.spec = spec;
    this.structOpsValue = parts.structOpsValue ?? null;
    this.pinPath = parts.pinPath ?? null;
    this.#keys = new ValueCodec(
      btf,
      spec.keyTypeId,
      spec.keySize,
      INDEXED.has(spec.type) || spec.section !== null,
    );
    this.#values = new ValueCodec(btf, spec.valueTypeId, spec.valueSize, OF_NUMBERS.has(spec.type));
  }

  /** The map as bytes. */
  get raw(): RawMap {
    if (!this.#open) throw new TsbpfError(`map ${this.name}: it is closed`);
    return (this.#raw ??= new RawMap(this.#sys, this.fd, mapInfo(this.#sys, this.fd)));
  }

  /**
   * Gives an arena its user address, which programs that use it must know, by mapping it as libbpf does; one that was
   * made with an address (`map_extra`) has it. @throws Errno
   */
  settle(): void {
    if (this.spec.mapExtra !== 0n) return;
    const mapping = this.#sys.port.map(this.fd, 0, this.spec.maxEntries * PAGE_SIZE, { write: true });
    if (typeof mapping === "number") throw new Errno(-mapping, "mmap");
    this.#mapping = mapping;
  }

  /** Takes {@link settle} back. */
  unmap(): void {
    this.#mapping?.close();
  }

  /** The value, or undefined where the key is not there. */
  get(key: MapValueInput & K): V | undefined {
    const value = this.raw.get(this.#key(key));
    return value === null ? undefined : this.#decode(value);
  }

  has(key: MapValueInput & K): boolean {
    return this.raw.get(this.#key(key)) !== null;
  }

  /**
   * Sets a value; `flags` are `BPF_ANY`, `BPF_NOEXIST`, `BPF_EXIST` … A per-CPU map takes a list of values by CPU (a
   * `PerCpu` where values are arrays), or one for all. Throws Errno where the kernel refuses it.
   */
  set(
    key: MapValueInput & K,
    value: MapValueInput | V | readonly MapValueInput[],
    flags: number | bigint = 0,
  ): this {
    this.raw.set(this.#key(key), this.#encode(value as MapValueInput), flags);
    return this;
  }

  /** False where the key was not there. */
  delete(key: MapValueInput & K): boolean {
    return this.raw.delete(this.#key(key));
  }

  /** Deletes all elements that are there when it is called. */
  clear(): void {
    for (const key of [...this.raw.keys()]) this.raw.delete(key);
  }

  *entries(): Generator<[K, V]> {
    for (const [key, value] of this.raw.entries()) yield [this.#keys.decode(key) as K, this.#decode(value)];
  }

  *keys(): Generator<K> {
    for (const key of this.raw.keys()) yield this.#keys.decode(key) as K;
  }

  *values(): Generator<V> {
    for (const [, value] of this.raw.entries()) yield this.#decode(value);
  }

  [Symbol.iterator](): Generator<[K, V]> {
    return this.entries();
  }

  /** Closes the descriptor; the kernel keeps the map while something uses it. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.unmap();
    this.#sys.port.close(this.fd);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #key(key: MapValueInput): Uint8Array {
    return this.#keys.encode(key, `map ${this.name}: key`);
  }

  #decode(bytes: Uint8Array): V {
    const { perCpu, valueSize } = this.raw.shape;
    if (!perCpu) return this.#values.decode(bytes) as V;
    const stride = (valueSize + 7) & -8;
    const values = new PerCpu<MapValue>();
    for (let at = 0; at < bytes.length; at += stride) {
      values.push(this.#values.decode(bytes.subarray(at, at + valueSize)));
    }
    return values as V;
  }

  #encode(value: MapValueInput): Uint8Array {
    const what = `map ${this.name}: value`;
    const { perCpu, valueSize } = this.raw.shape;
    if (!perCpu) return this.#values.encode(value, what);
    const stride = (valueSize + 7) & -8;
    const size = this.raw.userValueSize;
    if (value instanceof Uint8Array && value.length === size) return value;
    const bytes = new Uint8Array(size);
    const cpus = size / stride;
    // Of values that are arrays themselves a list is one value.
    const isList = Array.isArray(value) && value.length === cpus && !this.#values.isArray;
    const list = value instanceof PerCpu || isList ? value : null;
    for (let cpu = 0; cpu < cpus; cpu++) {
      const one = list === null ? value : (list[cpu] as MapValueInput);
      bytes.set(this.#values.encode(one, `${what} of CPU ${cpu}`), cpu * stride);
    }
    return bytes;
  }
}
