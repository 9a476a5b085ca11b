import { isCgroupStorage } from "../../maps/index.ts";
import type { Machine } from "../machine.ts";
import type { KernelMap } from "../objects/map.ts";
import type { KernelProgram } from "../objects/program.ts";

/** Runs something with new storage for the program, as if it were attached to a cgroup (`bpf_cgroup_storage_alloc`). ENOMEM. */
export function withCgroupStorage<T>(machine: Machine, program: KernelProgram, act: () => T): T {
  const maps = program.maps.filter((map) => isCgroupStorage(map.type));
  return maps.reduceRight((inner, map) => () => withStorage(machine, map, inner), act)();
}

function withStorage<T>(machine: Machine, map: KernelMap, act: () => T): T {
  const { storage, userValueSize, name } = map.parts;
  return machine.withRegion(Math.max(userValueSize, 8), `value of map ${name || "(unnamed)"}`, (values) => {
    storage.useValues(values);
    try {
      return act();
    } finally {
      storage.useValues(0);
    }
  });
}
