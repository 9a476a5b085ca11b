import { isDeviceMap } from "../../maps/index.ts";
import { BpfAttachType, BpfMapType, BpfProgType, BpfUpdateFlag, Errno } from "../../uapi/index.ts";
import { LOOPBACK_IFINDEX } from "../net/loopback.ts";
import type { KernelMap } from "../objects/map.ts";
import type { KernelProgram } from "../objects/program.ts";
import type { Process } from "../process.ts";
import { checked, refuse } from "../refusal.ts";

/** The longest queue of a CPU. */
const LONGEST_QUEUE = 16384;

/** A write of one element by a system call: offsets of key and value, and `BPF_*` flags. */
interface Write {
  readonly key: number;
  readonly from: number;
  readonly flags: bigint;
}

/** An element with its key as a number, and the program that it runs. */
interface Entry extends Omit<Write, "flags"> {
  readonly index: number;
  readonly program: KernelProgram | null;
}

/** The update of an element that XDP redirects to; sockets are not among them. */
export function setRedirectTarget(process: Process, map: KernelMap, write: Write): number {
  return isDeviceMap(map.type) ? setDevice(process, map, write) : setCpu(process, map, write);
}

/** `dev_map_update_elem`, `dev_map_hash_update_elem`. EINVAL where there is no such device, or no such program. */
function setDevice(process: Process, map: KernelMap, { key, from, flags }: Write): number {
  const view = process.machine.memory.view();
  const device = view.getUint32(from, true);
  const hash = map.type === BpfMapType.DEVMAP_HASH;
  if (flags > BigInt(BpfUpdateFlag.EXIST) || (hash && device === 0)) refuse(Errno.EINVAL);
  const index = view.getUint32(key, true);
  const only = flags === BigInt(BpfUpdateFlag.NOEXIST);
  if (!hash && index >= map.parts.maxEntries) refuse(Errno.E2BIG);
  if (only && (!hash || map.parts.operations.lookup(map.offset, key, 0) !== 0)) refuse(Errno.EEXIST);
  const fd = programOf(process, map, from);
  if (device === 0) return fd > 0 ? refuse(Errno.EINVAL) : clear(map, key, index);
  if (device !== LOOPBACK_IFINDEX) refuse(Errno.EINVAL);
  const program = fd > 0 ? xdpProgram(process, map, fd, BpfAttachType.XDP_DEVMAP) : null;
  if (fd > 0 && program === null) refuse(Errno.EINVAL);
  return enter(process, map, { key, from, index, program });
}

/** `cpu_map_update_elem`. A program that is none of a CPU's is ENOMEM there, as all that an entry lacks. */
function setCpu(process: Process, map: KernelMap, { key, from, flags }: Write): number {
  const { machine } = process;
  const view = machine.memory.view();
  if (flags > BigInt(BpfUpdateFlag.EXIST)) refuse(Errno.EINVAL);
  const index = view.getUint32(key, true);
  if (index >= map.parts.maxEntries) refuse(Errno.E2BIG);
  if (flags === BigInt(BpfUpdateFlag.NOEXIST)) refuse(Errno.EEXIST);
  const length = view.getUint32(from, true);
  if (length > LONGEST_QUEUE) refuse(Errno.EOVERFLOW);
  if (index >= machine.cpus) refuse(Errno.ENODEV);
  if (length === 0) return clear(map, key, index);
  const fd = programOf(process, map, from);
  const program = fd > 0 ? xdpProgram(process, map, fd, BpfAttachType.XDP_CPUMAP) : null;
  if (fd > 0 && program === null) refuse(Errno.ENOMEM);
  return enter(process, map, { key, from, index, program });
}

/** The descriptor of the program in a value; 0 where it has no place for one. */
function programOf(process: Process, map: KernelMap, from: number): number {
  return map.valueSize === 8 ? process.machine.memory.view().getInt32(from + 4, true) : 0;
}

/** The program of a descriptor, where elements of the map may run it. */
function xdpProgram(process: Process, map: KernelMap, fd: number, attachType: number): KernelProgram | null {
  const object = process.files.find(fd)?.object;
  if (object?.kind !== "prog") return null;
  const program = object as KernelProgram;
  const { type, expectedAttachType, device, programKind } = program.parts;
  const isMade = type === BpfProgType.XDP && expectedAttachType === attachType && device === null;
  return isMade && map.owner!.accepts(programKind) ? program : null;
}

function clear(map: KernelMap, key: number, index: number): number {
  checked(map.parts.operations.delete(map.offset, key));
  map.entryPrograms.set(index, null);
  return 0;
}

/** Writes the element: who reads it sees the program's id. */
function enter(process: Process, map: KernelMap, { key, from, index, program }: Entry): number {
  if (map.valueSize === 8) process.machine.memory.view().setUint32(from + 4, program?.id ?? 0, true);
  checked(map.parts.operations.update(map.offset, key, from, 0, 0));
  map.entryPrograms.set(index, program);
  return 0;
}
