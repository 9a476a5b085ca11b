import { SpecialField } from "../../btf/index.ts";
import {
  isContainer,
  isHashType,
  isLocalStorage,
  isPerCpuType,
  isRedirectMap,
  isSocketMap,
  StackTraces,
} from "../../maps/index.ts";
import { BpfMapType, BpfProgType, BpfUpdateFlag, Errno } from "../../uapi/index.ts";
import type { Attr } from "../attr.ts";
import { socketOf } from "../net/socket-calls.ts";
import type { KernelMap } from "../objects/map.ts";
import type { Process } from "../process.ts";
import { checked, refuse } from "../refusal.ts";
import { setCgroup } from "./cgroup-array.ts";
import { deleteStored, findStored, updateStored } from "./local-storage.ts";
import { setRedirectTarget } from "./redirect-elements.ts";
import { readStructOps, updateStructOps } from "./struct-ops.ts";

export const BPF_F_LOCK = BigInt(BpfUpdateFlag.F_LOCK);

/** `map_lookup_elem` in kernel/bpf/syscall.c. */
export function mapLookupElem(process: Process, attr: Attr): number {
  const { mapFd, key, value, flags } = attr.fields("MAP_LOOKUP_ELEM");
  if ((flags & ~BPF_F_LOCK) !== 0n) refuse(Errno.EINVAL);
  const map = process.map(mapFd, "read");
  refuseLock(map, flags);
  const scratch = process.scratch(map.keySize + map.parts.userValueSize + 8);
  const valueAt = scratch + ((map.keySize + 7) & -8);
  copyKey(process, map, key, scratch);
  // A filter is asked for the value that is there, and gives nothing.
  if (map.type === BpfMapType.BLOOM_FILTER) {
    process.copyIn(value, valueAt, map.valueSize);
    return checked(map.parts.operations.peek!(map.offset, valueAt));
  }
  readElement(process, map, scratch, valueAt, flags);
  process.copyOut(value, valueAt, map.parts.userValueSize);
  return 0;
}

/** `map_update_elem`. */
export function mapUpdateElem(process: Process, attr: Attr): number {
  const { mapFd, key, value, flags } = attr.fields("MAP_UPDATE_ELEM");
  const map = process.map(mapFd, "write");
  refuseLock(map, flags);
  const scratch = process.scratch(map.keySize + map.parts.userValueSize + 8);
  const valueAt = scratch + ((map.keySize + 7) & -8);
  copyKey(process, map, key, scratch);
  process.copyIn(value, valueAt, map.parts.userValueSize);
  return writeElement(process, map, scratch, valueAt, flags);
}

/** `map_delete_elem`. */
export function mapDeleteElem(process: Process, attr: Attr): number {
  const { mapFd, key } = attr.fields("MAP_DELETE_ELEM");
  const map = process.map(mapFd, "write");
  const scratch = process.scratch(map.keySize);
  copyKey(process, map, key, scratch);
  return deleteElement(process, map, scratch);
}

/** `map_get_next_key`. */
export function mapGetNextKey(process: Process, attr: Attr): number {
  const { mapFd, key, nextKey } = attr.fields("MAP_GET_NEXT_KEY");
  const map = process.map(mapFd, "read");
  const scratch = process.scratch(2 * map.keySize + 8);
  const nextAt = scratch + ((map.keySize + 7) & -8);
  if (key !== 0n) copyKey(process, map, key, scratch);
  checked(map.parts.operations.nextKey(map.offset, key === 0n ? 0 : scratch, nextAt));
  process.copyOut(nextKey, nextAt, map.keySize);
  return 0;
}

/** `map_lookup_and_delete_elem`: of the types here only hash tables have it. */
export function mapLookupAndDeleteElem(process: Process, attr: Attr): number {
  const { mapFd, key, value, flags } = attr.fields("MAP_LOOKUP_AND_DELETE_ELEM");
  if ((flags & ~BPF_F_LOCK) !== 0n) refuse(Errno.EINVAL);
  const map = process.map(mapFd, "read");
  process.map(mapFd, "write");
  const isQueue = map.type === BpfMapType.QUEUE || map.type === BpfMapType.STACK;
  if (isQueue && flags !== 0n) refuse(Errno.EINVAL);
  refuseLock(map, flags);
  const scratch = process.scratch(map.keySize + map.parts.userValueSize + 8);
  const valueAt = scratch + ((map.keySize + 7) & -8);
  copyKey(process, map, key, scratch);
  if (isQueue) checked(map.parts.operations.pop!(map.offset, valueAt));
  else if (map.type === BpfMapType.STACK_TRACE) {
    checked(new StackTraces(process.machine.memory).extract(map.offset, scratch, valueAt, true));
  } else {
    if (!isHashType(map.type) || map.inners !== null) refuse(Errno.ENOTSUPP);
    readElement(process, map, scratch, valueAt, flags);
    checked(map.parts.operations.delete(map.offset, scratch));
  }
  process.copyOut(value, valueAt, map.parts.userValueSize);
  return 0;
}

/**
 * `map_freeze`: ENOTSUPP for maps with special fields, which the kernel goes on to write; EPERM for a map that is frozen
 * already, which nobody may write; EBUSY while it is mapped writable.
 */
export function mapFreeze(process: Process, attr: Attr): number {
  const { mapFd } = attr.fields("MAP_FREEZE");
  const { type, parts } = process.map(mapFd, "any");
  if (type === BpfMapType.STRUCT_OPS || parts.record !== null) refuse(Errno.ENOTSUPP);
  const map = process.map(mapFd, "write");
  if (map.writers > 0) refuse(Errno.EBUSY);
  map.frozen = true;
  return 0;
}

/** `___bpf_copy_key`: a map without keys takes no pointer to one. */
function copyKey(process: Process, map: KernelMap, key: bigint, to: number): void {
  if (map.keySize === 0 && key !== 0n) refuse(Errno.EINVAL);
  process.copyIn(key, to, map.keySize);
}

/** Takes the element of a key out. ENOENT for a miss, E2BIG or EINVAL of arrays. */
export function deleteElement(process: Process, map: KernelMap, key: number): number {
  const { operations } = map.parts;
  if (map.programs !== null) return deleteProgram(process, map, key);
  if (map.type === BpfMapType.PERF_EVENT_ARRAY) return deleteEvent(process, map, key);
  if (isLocalStorage(map.type)) return deleteStored(process, map, key);
  if (isSocketMap(map.type)) return process.machine.socketMaps.delete(map, key);
  const before = map.inners === null ? 0 : operations.lookup(map.offset, key, 0) >>> 0;
  checked(operations.delete(map.offset, key));
  if (before !== 0) map.inners?.release(before);
  if (isRedirectMap(map.type) || map.type === BpfMapType.CGROUP_ARRAY) {
    map.entryPrograms.set(process.machine.memory.view().getUint32(key, true), null);
  }
  return 0;
}

/** What they hold has no form for user space, or is had by a mapping. */
const UNREADABLE: ReadonlySet<number> = new Set([
  BpfMapType.RINGBUF,
  BpfMapType.USER_RINGBUF,
  BpfMapType.PERF_EVENT_ARRAY,
  BpfMapType.CGROUP_ARRAY,
]);

/**
 * Copies the value of a key to `to`: of all CPUs for a per-CPU map (`bpf_map_copy_value`). BPF_F_LOCK: under the lock
 * that it has. ENOENT for a miss.
 */
export function readElement(process: Process, map: KernelMap, key: number, to: number, flags = 0n): void {
  const { operations } = map.parts;
  // What system calls look at is not in use for that.
  const look = operations.inspect ?? operations.lookup;
  const memory = process.machine.memory;
  if (map.programs !== null) {
    // System calls see ids, as in Linux.
    const program = map.programs.get(memory.view().getUint32(key, true)) ?? refuse(Errno.ENOENT);
    memory.view().setUint32(to, program.id, true);
    return;
  }
  if (map.type === BpfMapType.STACK_TRACE) {
    checked(new StackTraces(memory).extract(map.offset, key, to, false));
    return;
  }
  if (isContainer(map.type)) {
    checked(operations.peek!(map.offset, to));
    return;
  }
  if (UNREADABLE.has(map.type)) refuse(Errno.ENOTSUPP);
  if (map.type === BpfMapType.STRUCT_OPS) {
    readStructOps(process, map, key, to);
    return;
  }
  if (isLocalStorage(map.type)) {
    copyOut(process, map, findStored(process, map, key), map.valueSize, to);
    return;
  }
  if (map.type === BpfMapType.ARENA) refuse(Errno.EINVAL);
  if (map.type === BpfMapType.XSKMAP) refuse(Errno.EOPNOTSUPP);
  if (isSocketMap(map.type)) {
    memory.view().setBigUint64(to, process.machine.socketMaps.cookie(map, key), true);
    return;
  }
  if (!isPerCpuType(map.type)) {
    const value = look(map.offset, key, 0);
    if (value === 0) refuse(Errno.ENOENT);
    if (map.inners !== null) {
      memory.view().setUint32(to, map.inners.idOf(value >>> 0), true);
      return;
    }
    const copy = () => copyOut(process, map, value >>> 0, map.valueSize, to);
    if ((flags & BPF_F_LOCK) === 0n) copy();
    else locked(process, map, value >>> 0, copy);
    return;
  }
  const rounded = (map.valueSize + 7) & -8;
  for (let cpu = 0; cpu < process.machine.cpus; cpu++) {
    const value = look(map.offset, key, cpu) >>> 0;
    if (value === 0) refuse(Errno.ENOENT);
    copyOut(process, map, value, rounded, to + cpu * rounded);
  }
}

/** Writes the value at `from` under a key: of all CPUs for a per-CPU map (`bpf_map_update_value`). */
export function writeElement(
  process: Process,
  map: KernelMap,
  key: number,
  from: number,
  flags: bigint,
): number {
  const { operations } = map.parts;
  if (isSocketMap(map.type) || map.type === BpfMapType.XSKMAP) {
    return setSocket(process, map, { key, from, flags });
  }
  if (isRedirectMap(map.type)) return setRedirectTarget(process, map, { key, from, flags });
  if (map.type === BpfMapType.ARENA) return refuse(Errno.EOPNOTSUPP);
  if (isLocalStorage(map.type)) return updateStored(process, map, { key, from, flags });
  if (map.type === BpfMapType.STRUCT_OPS) return updateStructOps(process, map, { key, from, flags });
  if (map.type === BpfMapType.CGROUP_ARRAY) return setCgroup(process, map, { key, from, flags });
  if (flags >> 32n !== 0n) refuse(Errno.EINVAL);
  const flagBits = Number(flags);
  if (isContainer(map.type)) return checked(operations.push!(map.offset, from, flagBits));
  if (map.programs !== null) return setProgram(process, map, { key, from, flags: flagBits });
  if (map.type === BpfMapType.PERF_EVENT_ARRAY) return setEvent(process, map, { key, from, flags: flagBits });
  if (map.inners !== null) return setInner(process, map, { key, from, flags: flagBits });
  checked(operations.update(map.offset, key, from, flagBits, process.machine.executor.cpu));
  if (!isPerCpuType(map.type)) return 0;
  const rounded = (map.valueSize + 7) & -8;
  // The element is there now. System calls copy whole words of every CPU's value, padding too (copy_map_value_long).
  for (let cpu = 0; cpu < process.machine.cpus; cpu++) {
    const value = (operations.inspect ?? operations.lookup)(map.offset, key, cpu) >>> 0;
    // Another executor may have taken it out meanwhile.
    if (value === 0) break;
    copyIn(process, map, value, rounded, from + cpu * rounded);
  }
  return 0;
}

/** `bpf_fd_array_map_update_elem`: the value is a descriptor. EBADF, EINVAL where it is no program of the array's kind. */
function setProgram(process: Process, map: KernelMap, { key, from, flags }: Write): number {
  const view = process.machine.memory.view();
  const index = view.getUint32(key, true);
  if (flags !== 0) refuse(Errno.EINVAL);
  if (index >= map.parts.maxEntries) refuse(Errno.E2BIG);
  const program = process.program(view.getInt32(from, true));
  const { type, device, programKind } = program.parts;
  if (type === BpfProgType.EXT || device !== null || !map.owner!.accepts(programKind)) refuse(Errno.EINVAL);
  // Other executors have no code for what is put in front of a program that they run.
  if (process.machine.others?.isClosedTo(map)) refuse(Errno.EBUSY);
  map.programs!.set(index, program);
  return 0;
}

/** A write of one element by a system call: offsets of key and value, and `BPF_*` flags. */
interface Write {
  readonly key: number;
  readonly from: number;
  readonly flags: number;
}

/**
 * `sock_map_update_elem_sys`, `bpf_fd_reuseport_array_update_elem`, `xsk_map_update_elem`: the value is a descriptor.
 * EBADF, ENOTSOCK. No socket is one of XDP.
 */
function setSocket(
  process: Process,
  map: KernelMap,
  { key, from, flags }: Omit<Write, "flags"> & { readonly flags: bigint },
): number {
  const view = process.machine.memory.view();
  if (map.type === BpfMapType.REUSEPORT_SOCKARRAY || map.type === BpfMapType.XSKMAP) {
    if (flags > BigInt(BpfUpdateFlag.EXIST)) refuse(Errno.EINVAL);
    if (view.getUint32(key, true) >= map.parts.maxEntries) refuse(Errno.E2BIG);
  }
  const beyond = map.valueSize === 8 && view.getUint32(from + 4, true) !== 0;
  const narrow =
    !isSocketMap(map.type) || (map.type === BpfMapType.REUSEPORT_SOCKARRAY && map.valueSize === 4);
  if (beyond || (!narrow && view.getInt32(from, true) < 0)) refuse(Errno.EINVAL);
  const socket = socketOf(process, view.getInt32(from, true));
  if (map.type === BpfMapType.XSKMAP) return refuse(Errno.EOPNOTSUPP);
  const { executor, socketMaps } = process.machine;
  return socketMaps.put(map, socket, { key, flags, cpu: executor.cpu });
}

/** `perf_event_fd_array_get_ptr`: the value is a descriptor. EBADF where it is none of an event; EOPNOTSUPP. */
function setEvent(process: Process, map: KernelMap, { key, from, flags }: Write): number {
  const view = process.machine.memory.view();
  if (flags !== 0) refuse(Errno.EINVAL);
  if (view.getUint32(key, true) >= map.parts.maxEntries) refuse(Errno.E2BIG);
  const file = process.files.get(view.getInt32(from, true));
  if (file.object.kind !== "perf") refuse(Errno.EBADF);
  map.events.set(view.getUint32(key, true), file.object);
  return 0;
}

/** `fd_array_map_delete_elem` */
function deleteEvent(process: Process, map: KernelMap, key: number): number {
  const index = process.machine.memory.view().getUint32(key, true);
  if (index >= map.parts.maxEntries) refuse(Errno.E2BIG);
  return map.events.delete(index) ? 0 : refuse(Errno.ENOENT);
}

/**
 * `bpf_fd_array_map_update_elem` and `bpf_fd_htab_map_update_elem` for maps of maps: the value is a descriptor. EBADF,
 * EINVAL where it is no map, or one that is not like the others.
 */
function setInner(process: Process, map: KernelMap, { key, from, flags }: Write): number {
  const { operations, maxEntries } = map.parts;
  const view = process.machine.memory.view();
  if (map.type === BpfMapType.ARRAY_OF_MAPS) {
    if (flags !== 0) refuse(Errno.EINVAL);
    if (view.getUint32(key, true) >= maxEntries) refuse(Errno.E2BIG);
  }
  const inners = map.inners!;
  const inner = process.map(view.getInt32(from, true), "any");
  if (!inners.accepts(inner)) refuse(Errno.EINVAL);
  if (process.machine.others?.isClosedTo(map, inner)) refuse(Errno.EBUSY);
  const before = operations.lookup(map.offset, key, 0) >>> 0;
  const word = inners.take(inner);
  view.setUint32(from, word, true);
  const result = operations.update(map.offset, key, from, flags, 0);
  if (result < 0) inners.release(word);
  else if (before !== 0) inners.release(before);
  return checked(result);
}

/** `fd_array_map_delete_elem` */
function deleteProgram(process: Process, map: KernelMap, key: number): number {
  const index = process.machine.memory.view().getUint32(key, true);
  if (index >= map.parts.maxEntries) refuse(Errno.E2BIG);
  return map.programs!.delete(index) ? 0 : refuse(Errno.ENOENT);
}

/** BPF_F_LOCK is for values that hold a spin lock. */
export function refuseLock(map: KernelMap, flags: bigint): void {
  const locked = ((map.parts.record?.mask ?? 0) & SpecialField.SPIN_LOCK) !== 0;
  if ((flags & BPF_F_LOCK) !== 0n && !locked) refuse(Errno.EINVAL);
}

/** Does something while nobody else holds the lock of a value: a program on another executor may. */
function locked({ machine }: Process, map: KernelMap, value: number, act: () => void): void {
  const { lock, unlock } = machine.memory.functions;
  const at = value + map.shape.special!.lock;
  lock(at);
  act();
  unlock(at);
}

/** Special fields are not for user space: they read as zeros (`copy_map_value`, `check_and_init_map_value`). */
function copyOut(process: Process, map: KernelMap, value: number, length: number, to: number): void {
  const bytes = process.machine.memory.bytes();
  bytes.copyWithin(to, value, value + length);
  for (const { offset, size } of map.parts.record?.fields ?? [])
    bytes.fill(0, to + offset, to + offset + size);
}

/** Whole words of a value, padding too, but for its special fields (`copy_map_value_long`). */
function copyIn(process: Process, map: KernelMap, value: number, length: number, from: number): void {
  const bytes = process.machine.memory.bytes();
  let at = 0;
  for (const { offset, size } of map.parts.record?.fields ?? []) {
    bytes.copyWithin(value + at, from + at, from + offset);
    at = offset + size;
  }
  bytes.copyWithin(value + at, from + at, from + length);
}
