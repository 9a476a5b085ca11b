import { isCgroupStorage, type MapStorage } from "../../maps/index.ts";
import type { Machine } from "../machine.ts";
import type { KernelMap } from "../objects/map.ts";
import type { KernelProgram } from "../objects/program.ts";

/** Storage for a program that runs as if it were attached to a cgroup (`bpf_cgroup_storage_alloc`). ENOMEM. */
export class RunStorage implements Disposable {
  readonly #given: { readonly storage: MapStorage; readonly region: Disposable }[] = [];

  constructor(machine: Machine, program: KernelProgram) {
    try {
      for (const map of program.maps) if (isCgroupStorage(map.type)) this.#give(machine, map);
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  #give(machine: Machine, map: KernelMap): void {
    const { storage, userValueSize, name } = map.parts;
    const region = machine.region(Math.max(userValueSize, 8), `value of map ${name || "(unnamed)"}`);
    storage.useValues(region.offset);
    this.#given.push({ storage, region });
  }

  [Symbol.dispose](): void {
    for (const { storage, region } of this.#given.splice(0)) {
      storage.useValues(0);
      region[Symbol.dispose]();
    }
  }
}
