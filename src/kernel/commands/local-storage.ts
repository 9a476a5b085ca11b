import { SpecialField } from "../../btf/index.ts";
import { freeValue } from "../../helpers/index.ts";
import { LocalStorage } from "../../maps/index.ts";
import { BpfMapType, BpfUpdateFlag, Errno } from "../../uapi/index.ts";
import type { KernelObject } from "../objects/kernel-object.ts";
import type { KernelMap } from "../objects/map.ts";
import type { Process } from "../process.ts";
import { checked, refuse } from "../refusal.ts";

/** An object with a struct in the one memory that maps can have values for. */
interface StorageOwner extends KernelObject {
  /** Offset of its struct. */
  readonly offset: number;
}

interface OwnerKind {
  /** Of the descriptor's object. */
  readonly kind: string;
  /** Where its values hang. */
  readonly member: string;
  /** What is said to another descriptor. */
  readonly other: number;
}

const OWNERS: ReadonlyMap<number, OwnerKind> = new Map([
  [BpfMapType.SK_STORAGE, { kind: "socket", member: "sock.sk_bpf_storage", other: Errno.ENOTSOCK }],
  [BpfMapType.TASK_STORAGE, { kind: "pidfd", member: "task_struct.bpf_storage", other: Errno.EBADF }],
  [BpfMapType.CGRP_STORAGE, { kind: "cgroup", member: "cgroup.bpf_cgrp_storage", other: Errno.EBADF }],
]);

/** Offset of the value of the owner that a key's descriptor names. ENOENT for none; EBADF, ENOTSOCK. */
export function findStored(process: Process, map: KernelMap, key: number): number {
  const value = storageOf(process).find(ownerAt(process, map, key), map.offset);
  return value === 0 ? refuse(Errno.ENOENT) : value;
}

/** `bpf_pid_task_storage_update_elem` and its kin, whose key is a descriptor. */
export function updateStored(
  process: Process,
  map: KernelMap,
  { key, from, flags }: { readonly key: number; readonly from: number; readonly flags: bigint },
): number {
  const mask = map.parts.record?.mask ?? 0;
  const pinned = map.type === BpfMapType.TASK_STORAGE && (mask & SpecialField.UPTR) !== 0;
  if ((flags & BigInt(BpfUpdateFlag.F_LOCK)) !== 0n && pinned) refuse(Errno.EOPNOTSUPP);
  const owner = ownerAt(process, map, key);
  if (flags >> 32n !== 0n) refuse(Errno.EINVAL);
  return checked(storageOf(process).update(owner, map.offset, from, Number(flags)));
}

/** `bpf_pid_task_storage_delete_elem` and its kin. ENOENT. */
export function deleteStored(process: Process, map: KernelMap, key: number): number {
  const owner = ownerAt(process, map, key);
  return storageOf(process).remove(owner, map.offset) ? 0 : refuse(Errno.ENOENT);
}

function storageOf({ machine }: Process): LocalStorage {
  return new LocalStorage(machine.memory, (map, value) => freeValue(machine.executor.call, map, value));
}

/** Where the values of the owner hang that a key's descriptor names. */
function ownerAt({ machine, files }: Process, map: KernelMap, key: number): number {
  const fd = machine.memory.view().getInt32(key, true);
  if (!files.isOpen(fd)) refuse(Errno.EBADF);
  const owners = OWNERS.get(map.type);
  const object = files.find(fd)?.object;
  // Whatever is open has an inode.
  if (owners === undefined) return machine.inodes.storageAt(object === undefined ? fd : -1);
  if (object === undefined || !isOwner(object, owners.kind)) return refuse(owners.other);
  return object.offset + machine.layout.offset(owners.member);
}

function isOwner(object: KernelObject, kind: string): object is StorageOwner {
  return object.kind === kind && "offset" in object;
}
