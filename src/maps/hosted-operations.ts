import type { KernelMemory } from "../mem/index.ts";
import { BpfMapFlag, BpfMapType, Errno } from "../uapi/index.ts";
import { MAP_HEADER_SIZE, MapField } from "./map-header.ts";
import { isLocalStorage } from "./map-shape.ts";
import type { MapOperations } from "./operations.ts";
import { StackTraces } from "./stack-traces.ts";

/** Of maps without elements, or whose keys only system calls know (`ringbuf_map_lookup_elem` and its kin). */
const NO_ELEMENTS: MapOperations = {
  lookup: () => 0,
  update: () => -Errno.ENOTSUPP,
  delete: () => -Errno.ENOTSUPP,
  nextKey: () => -Errno.ENOTSUPP,
};

/** System calls find the operations missing, or refusing (`arena_map_ops`). */
const ARENA: MapOperations = {
  lookup: () => 0,
  update: () => -Errno.EOPNOTSUPP,
  delete: () => -Errno.EOPNOTSUPP,
  nextKey: () => -Errno.EOPNOTSUPP,
};

/**
 * The operations of a type that programs have none of: only system calls make them, and no code needs to be emitted.
 *
 * @returns null for types whose operations are emitted.
 */
export function hostedOperations(memory: KernelMemory, type: number): MapOperations | null {
  const rings = type === BpfMapType.RINGBUF || type === BpfMapType.USER_RINGBUF;
  if (rings || isLocalStorage(type)) return NO_ELEMENTS;
  if (type === BpfMapType.ARENA) return ARENA;
  if (type === BpfMapType.STRUCT_OPS) return structOpsOperations(memory);
  if (type !== BpfMapType.STACK_TRACE) return null;
  const stacks = new StackTraces(memory);
  return {
    // The value that a user gets is a copy (`StackTraces.extract`).
    lookup: () => 0,
    update: () => -Errno.EINVAL,
    delete: (map, key) => stacks.delete(map, key),
    nextKey: (map, key, next) => stacks.nextKey(map, key, next),
  };
}

/** Operations that are not registered (`bpf_struct_ops_map_ops`): the only key is 0. */
function structOpsOperations(memory: KernelMemory): MapOperations {
  return {
    lookup: () => 0,
    update: () => -Errno.EOPNOTSUPP,
    delete: (map) => {
      const flags = memory.view().getUint32(map - MAP_HEADER_SIZE + MapField.FLAGS, true);
      return (flags & BpfMapFlag.LINK) === 0 ? -Errno.ENOENT : -Errno.EOPNOTSUPP;
    },
    nextKey: (_, key, next) => {
      const view = memory.view();
      if (key !== 0 && view.getUint32(key, true) === 0) return -Errno.ENOENT;
      view.setUint32(next, 0, true);
      return 0;
    },
  };
}
