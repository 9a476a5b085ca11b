import { LocalStorage, MAP_HEADER_SIZE, MapField } from "../maps/index.ts";
import { RegionAccess } from "../mem/index.ts";
import type { KernelLayout } from "../platform/index.ts";
import { BpfFuncId, BpfMapType, Errno } from "../uapi/index.ts";
import { hostHelper } from "./define.ts";
import type { Helper, HelperCall } from "./helper.ts";
import { freeValue } from "./objects/drop.ts";
import { hasFullState } from "./socket-state.ts";

/** `BPF_LOCAL_STORAGE_GET_F_CREATE`, `BPF_SK_STORAGE_GET_F_CREATE` */
const CREATE = 1;

/** Whose values a family of helpers finds. */
interface Family {
  readonly get: number;
  readonly remove: number;
  /** A value of `BpfMapType`. */
  readonly mapType: number;
  /** Where an object's values hang; 0 where it has none. */
  readonly ownerAt: (call: HelperCall, object: number) => number;
}

/** Values that maps have for sockets, tasks, control groups and inodes. */
export function localStorageHelpers(layout: KernelLayout): readonly Helper[] {
  const STATE = layout.offset("sock_common.skc_state");
  /** Where the values of a struct hang, if it is one that is there. */
  const memberOf = (type: string, member: string): Family["ownerAt"] => {
    const [at, size] = [layout.offset(`${type}.${member}`), layout.sizeOf(type)];
    return (call, object) => (call.memory.regions.allows(object, size, RegionAccess.READ) ? object + at : 0);
  };
  const socketAt = memberOf("sock", "sk_bpf_storage");
  return [
    {
      get: BpfFuncId.sk_storage_get,
      remove: BpfFuncId.sk_storage_delete,
      mapType: BpfMapType.SK_STORAGE,
      ownerAt: (call: HelperCall, socket: number) => {
        const at = socketAt(call, socket);
        return at !== 0 && hasFullState(call.memory.view().getUint8(socket + STATE)) ? at : 0;
      },
    },
    {
      get: BpfFuncId.task_storage_get,
      remove: BpfFuncId.task_storage_delete,
      mapType: BpfMapType.TASK_STORAGE,
      ownerAt: memberOf("task_struct", "bpf_storage"),
    },
    {
      get: BpfFuncId.cgrp_storage_get,
      remove: BpfFuncId.cgrp_storage_delete,
      mapType: BpfMapType.CGRP_STORAGE,
      ownerAt: memberOf("cgroup", "bpf_cgrp_storage"),
    },
    {
      get: BpfFuncId.inode_storage_get,
      remove: BpfFuncId.inode_storage_delete,
      mapType: BpfMapType.INODE_STORAGE,
      ownerAt: (call: HelperCall, inode: number) => call.services.inodeStorage?.(inode) ?? 0,
    },
  ].flatMap(helpersOf);
}

function helpersOf({ get, remove, mapType, ownerAt }: Family): Helper[] {
  const owner = (call: HelperCall, map: number, object: number): number => {
    if (object === 0) return 0;
    const type = call.memory.view().getUint32(map - MAP_HEADER_SIZE + MapField.TYPE, true);
    return type === mapType ? ownerAt(call, object) : 0;
  };
  const storageOf = (call: HelperCall) =>
    new LocalStorage(call.memory, (map, value) => freeValue(call, map, value));

  /** `bpf_sk_storage_get`, `bpf_task_storage_get` and their kin. */
  const find = (call: HelperCall, ...args: number[]): number => {
    const [map, object, value, flags, flagsHigh] = args as [number, number, number, number, number];
    const at = owner(call, map >>> 0, object >>> 0);
    if (at === 0 || (flags & ~CREATE) !== 0 || flagsHigh !== 0) return 0;
    const storage = storageOf(call);
    const found = storage.find(at, map >>> 0);
    if (found !== 0 || flags !== CREATE) return found;
    return storage.create(at, map >>> 0, value >>> 0);
  };

  const end = (call: HelperCall, map: number, object: number): number => {
    const at = owner(call, map >>> 0, object >>> 0);
    if (at === 0) return -Errno.EINVAL;
    return storageOf(call).remove(at, map >>> 0) ? 0 : -Errno.ENOENT;
  };

  return [
    hostHelper(get, { args: ["ptr", "ptr", "ptr", "i64"], result: "ptr" }, find),
    hostHelper(remove, { args: ["ptr", "ptr"], result: "i32" }, end),
  ];
}
