import { isDeviceMap, type MapOperations, type MapShape, type MapStorage } from "../../maps/index.ts";
import { BpfMapFlag, BpfMapType } from "../../uapi/index.ts";
import type { BtfRecord, VerifierMap } from "../../verifier/index.ts";
import type { IdTable } from "../id-table.ts";
import type { KernelBtf } from "./btf.ts";
import { EntryPrograms } from "./entry-programs.ts";
import { EventArray } from "./event-array.ts";
import { InnerMaps } from "./inner-maps.ts";
import { KernelObject } from "./kernel-object.ts";
import { MapOwner } from "./map-owner.ts";
import { ProgramArray } from "./program-array.ts";

/** What a map is made of. */
export interface MapParts {
  readonly name: string;
  readonly maxEntries: number;
  readonly flags: number;
  readonly extra: bigint;
  readonly storage: MapStorage;
  readonly operations: MapOperations;
  readonly btf: KernelBtf | null;
  readonly keyTypeId: number;
  readonly valueTypeId: number;
  /** SHA-256 of the only program that may use it; null where any may. */
  readonly exclusiveTo: Uint8Array | null;
  /** Special fields of its values. */
  readonly record: BtfRecord | null;
  /** Of a map of maps: what its inner maps are like (`inner_map_meta`). */
  readonly inner: VerifierMap | null;
  /** Value size of all CPUs, as system calls copy it. */
  readonly userValueSize: number;
  /** Whoever made it has CAP_PERFMON: lookups in it need no masks against CPUs that guess. */
  readonly bypassSpecV1: boolean;
  /** Bytes as Linux accounts for such a map (`map_mem_usage`). */
  readonly memoryUsage: number;
}

/** A map, with what system calls need beside its memory. */
export class KernelMap extends KernelObject {
  readonly kind = "map";
  readonly parts: MapParts;
  /** Set by BPF_MAP_FREEZE: system calls may not write any more. */
  frozen = false;
  /** Writable mappings that are open: as long as there is one, the map cannot be frozen (`bpf_map_write_active`). */
  writers = 0;
  /** What tail calls go to; null for all other types. */
  readonly programs: ProgramArray | null;
  /** What all programs that use it, or are in it, have in common; null for types that hold no programs. */
  readonly owner: MapOwner | null;
  /** What a map of maps holds; null for all other types. */
  readonly inners: InnerMaps | null;
  /** What elements that XDP redirects to run, and the control groups in an array. */
  readonly entryPrograms = new EntryPrograms();
  /** What is to be done when it ends. */
  readonly whenGone: (() => void)[] = [];
  /** What an array of perf events holds. */
  readonly events = new EventArray();
  /** Descriptors and pins: the one that creates it is the first. */
  #users = 1;
  readonly #table: IdTable<KernelMap>;

  constructor(table: IdTable<KernelMap>, parts: MapParts) {
    super(table.allocate());
    this.#table = table;
    this.parts = parts;
    const { type } = parts.storage.shape;
    const isProgramArray = type === BpfMapType.PROG_ARRAY;
    this.programs = isProgramArray ? new ProgramArray(parts.storage) : null;
    const holdsPrograms = isProgramArray || isDeviceMap(type) || type === BpfMapType.CPUMAP;
    this.owner = holdsPrograms ? new MapOwner(isProgramArray) : null;
    this.inners = parts.inner === null ? null : new InnerMaps(parts.inner);
    table.add(this);
  }

  get type(): number {
    return this.shape.type;
  }

  get shape(): MapShape {
    return this.parts.storage.shape;
  }

  get keySize(): number {
    return this.shape.keySize;
  }

  get valueSize(): number {
    return this.shape.valueSize;
  }

  /** Offset of its `struct bpf_map`. */
  get offset(): number {
    return this.parts.storage.offset;
  }

  /** Descriptors and pins that lead to it (`usercnt`). */
  get users(): number {
    return this.#users;
  }

  override getUser(): this {
    this.#users++;
    return this.get();
  }

  /**
   * Where no process can reach it any more, a program array lets go of its programs, and timers in values end: they
   * may use the map themselves, and neither would ever end (`bpf_map_put_uref`).
   */
  override putUser(): void {
    if (--this.#users === 0) {
      this.programs?.clear();
      // `perf_event_fd_array_release`
      if ((this.parts.flags & BpfMapFlag.PRESERVE_ELEMS) === 0) this.events.clear();
      this.parts.storage.freeTimers();
    }
    this.put();
  }

  protected override destroy(): void {
    this.#table.remove(this.id);
    for (const act of this.whenGone) act();
    this.programs?.clear();
    this.inners?.clear();
    this.entryPrograms.clear();
    this.events.clear();
    this.parts.btf?.put();
    this.parts.storage.close();
  }
}
