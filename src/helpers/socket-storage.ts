import { MAP_HEADER_SIZE, MapField, SocketStorage } from "../maps/index.ts";
import { RegionAccess } from "../mem/index.ts";
import type { KernelLayout } from "../platform/index.ts";
import { BpfFuncId, BpfMapType, Errno } from "../uapi/index.ts";
import { hostHelper } from "./define.ts";
import type { Helper, HelperCall } from "./helper.ts";
import { hasFullState } from "./socket-state.ts";

/** `BPF_SK_STORAGE_GET_F_CREATE` */
const CREATE = 1;

/** Values that maps have for sockets. */
export function socketStorageHelpers(layout: KernelLayout): readonly Helper[] {
  const STATE = layout.offset("sock_common.skc_state");
  const STORAGE = layout.offset("sock.sk_bpf_storage");
  const size = layout.sizeOf("sock");

  /** Where a socket's values hang, for a map that has such; 0 where either is none. */
  const ownerAt = (call: HelperCall, map: number, socket: number): number => {
    if (socket === 0 || !call.memory.regions.allows(socket, size, RegionAccess.READ)) return 0;
    const view = call.memory.view();
    if (view.getUint32(map - MAP_HEADER_SIZE + MapField.TYPE, true) !== BpfMapType.SK_STORAGE) return 0;
    return hasFullState(view.getUint8(socket + STATE)) ? socket + STORAGE : 0;
  };

  /** `bpf_sk_storage_get` */
  const get = (call: HelperCall, ...args: number[]): number => {
    const [map, socket, value, flags, flagsHigh] = args as [number, number, number, number, number];
    const owner = ownerAt(call, map >>> 0, socket >>> 0);
    if (owner === 0 || (flags & ~CREATE) !== 0 || flagsHigh !== 0) return 0;
    const storage = new SocketStorage(call.memory);
    const found = storage.find(owner, map >>> 0);
    if (found !== 0 || flags !== CREATE) return found;
    return storage.create(owner, map >>> 0, value >>> 0);
  };

  /** `bpf_sk_storage_delete` */
  const remove = (call: HelperCall, map: number, socket: number): number => {
    const owner = ownerAt(call, map >>> 0, socket >>> 0);
    if (owner === 0) return -Errno.EINVAL;
    return new SocketStorage(call.memory).remove(owner, map >>> 0) ? 0 : -Errno.ENOENT;
  };

  return [
    hostHelper(BpfFuncId.sk_storage_get, { args: ["ptr", "ptr", "ptr", "i64"], result: "ptr" }, get),
    hostHelper(BpfFuncId.sk_storage_delete, { args: ["ptr", "ptr"], result: "i32" }, remove),
  ];
}
