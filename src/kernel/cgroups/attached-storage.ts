import { isCgroupStorage } from "../../maps/index.ts";
import { type KernelMemory, RegionAccess } from "../../mem/index.ts";
import { Errno } from "../../uapi/index.ts";
import type { KernelMap } from "../objects/map.ts";
import type { KernelProgram } from "../objects/program.ts";
import { refuse } from "../refusal.ts";
import type { Cgroup } from "./cgroup.ts";

/** `sizeof(struct bpf_cgroup_storage_key)`: values of such maps are of a group and an attach type; of others of a group. */
const ISOLATED_KEY = 16;

interface Value {
  readonly group: Cgroup;
  readonly map: KernelMap;
  readonly offset: number;
  readonly region: number;
}

/**
 * What maps of control group storage hold: a value for each group, and attach type, that a program which uses the map
 * was attached to. It is there until the group is removed or the map ends (kernel/bpf/local_storage.c).
 */
export class AttachedStorage {
  readonly #memory: KernelMemory;
  readonly #values = new Map<string, Value>();

  constructor(memory: KernelMemory) {
    this.#memory = memory;
  }

  /** A program is attached: `bpf_cgroup_storages_alloc`. ENOMEM. */
  attached(program: KernelProgram, group: Cgroup, attachType: number): void {
    for (const map of storagesOf(program)) this.#ensure(map, group, attachType);
  }

  #ensure(map: KernelMap, group: Cgroup, attachType: number): Value {
    const name = key(map, group.id, attachType);
    const known = this.#values.get(name);
    if (known !== undefined) return known;
    const size = Math.max(map.parts.userValueSize, 8);
    const offset = this.#memory.alloc(size);
    if (offset === 0) refuse(Errno.ENOMEM);
    const region = this.#memory.regions.add({
      start: offset,
      end: offset + size,
      access: RegionAccess.READ_WRITE,
      stride: 0,
      size: 0,
      what: `value of map ${map.parts.name || "(unnamed)"}`,
    });
    const value = { group, map, offset, region };
    this.#values.set(name, value);
    map.whenGone.push(() => this.#remove((other) => other.map === map));
    return value;
  }

  /** Runs something while a program that is attached to a group has its values. */
  with<T>(program: KernelProgram, group: Cgroup, attachType: number, act: () => T): T {
    const maps = storagesOf(program);
    for (const map of maps) map.parts.storage.useValues(this.#ensure(map, group, attachType).offset);
    try {
      return act();
    } finally {
      for (const map of maps) map.parts.storage.useValues(0);
    }
  }

  /** A group is removed. */
  removed(group: Cgroup): void {
    this.#remove((value) => value.group === group);
  }

  #remove(wanted: (value: Value) => boolean): void {
    for (const [name, value] of this.#values) {
      if (!wanted(value)) continue;
      this.#values.delete(name);
      this.#memory.regions.remove(value.region);
      this.#memory.retire(value.offset);
    }
  }
}

function storagesOf(program: KernelProgram): readonly KernelMap[] {
  return program.maps.filter((map) => isCgroupStorage(map.type));
}

function key(map: KernelMap, group: number, attachType: number): string {
  return map.keySize === ISOLATED_KEY ? `${map.id}/${group}/${attachType}` : `${map.id}/${group}`;
}
