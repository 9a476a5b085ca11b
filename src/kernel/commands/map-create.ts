import { cString } from "../../base/index.ts";
import { entriesOf, isDeviceMap, isPerCpuType, type MapAttributes } from "../../maps/index.ts";
import {
  checkMapAllocation,
  checkMapAttributes,
  type KeyType,
  type MapCreateAttributes,
  mapTraits,
} from "../../platform/index.ts";
import type { AttrValues } from "../../sys/index.ts";
import { BpfMapFlag, BpfMapType, Errno } from "../../uapi/index.ts";
import { type BtfRecord, mapRecord, type VerifierMap } from "../../verifier/index.ts";
import type { Attr } from "../attr.ts";
import { fitsSizes, keyProblem, type MapTypes } from "../map-btf.ts";
import { mapMemoryUsage } from "../map-usage.ts";
import { objectName } from "../names.ts";
import { LOOPBACK_IFINDEX } from "../net/loopback.ts";
import type { KernelBtf } from "../objects/btf.ts";
import { KernelMap, type MapParts } from "../objects/map.ts";
import type { Process } from "../process.ts";
import { refuse } from "../refusal.ts";
import { specialFields } from "../special-fields.ts";
import { verifierMap } from "../verifier-map.ts";
import { checkStructOps } from "./struct-ops.ts";

const ACCESS = BpfMapFlag.RDONLY | BpfMapFlag.WRONLY;
/** The one memory node. */
const NODE = 0;
/** `NUMA_NO_NODE`, as the attribute has it. */
const NO_NODE = 0xffff_ffff;
/** `SHA256_DIGEST_SIZE` */
const DIGEST_SIZE = 32;

/** Types of which no two maps are alike: they have no `map_meta_equal`. */
const NEVER_INNER: ReadonlySet<number> = new Set([
  BpfMapType.PROG_ARRAY,
  BpfMapType.CGROUP_STORAGE,
  BpfMapType.PERCPU_CGROUP_STORAGE,
  BpfMapType.STRUCT_OPS,
]);

type MapCreateValues = AttrValues<"MAP_CREATE">;

/**
 * `map_create` in kernel/bpf/syscall.c: the checks in its order, so that a call with several mistakes gets Linux's errno.
 */
export function mapCreate(process: Process, attr: Attr): number {
  const { machine } = process;
  const args = attr.fields("MAP_CREATE");
  const flags = (args.mapFlags & ~BpfMapFlag.TOKEN_FD) >>> 0;
  const asked = checkAttributes(process, args, flags);
  const attributes = { ...asked, maxEntries: entriesOf(asked, machine.cpus) };
  const inner = innerMap(process, args);
  const memoryUsage = mapMemoryUsage(attributes, machine.cpus, machine.layout);
  let storage = machine.createMap(attributes);
  let described: ReturnType<typeof describe>;
  try {
    described = describe(process, args);
  } catch (refusal) {
    storage.close();
    throw refusal;
  }
  const { record } = described;
  if (record !== null && record.fields.length > 0) {
    // A map without memory is refused before its types are looked at; with them its values are other ones.
    storage.close();
    const metas = described.btf === null ? new Map() : machine.structMetas(described.btf);
    storage = machine.createMap({ ...attributes, record: specialFields(record, metas) });
  }
  const map = new KernelMap(machine.maps, {
    ...described,
    btf: described.btf?.get() ?? null,
    maxEntries: attributes.maxEntries,
    flags: keptFlags(args.mapType, flags),
    extra: args.mapExtra,
    storage,
    inner,
    operations: machine.operationsOf(storage.shape),
    userValueSize: isPerCpuType(args.mapType) ? ((args.valueSize + 7) & -8) * machine.cpus : args.valueSize,
    bypassSpecV1: process.may("PERFMON"),
    memoryUsage,
  });
  machine.describeMap(map);
  return process.files.install(map, {
    readable: (flags & BpfMapFlag.WRONLY) === 0,
    writable: (flags & BpfMapFlag.RDONLY) === 0,
  });
}

/** The flags that a map has: programs look at a device's index where the kernel has it (`dev_map_init_map`). */
function keptFlags(mapType: number, flags: number): number {
  return (flags & ~ACCESS) | (isDeviceMap(mapType) ? BpfMapFlag.RDONLY_PROG : 0);
}

/** Types whose seed is fixed by a right and a flag (`htab_map_alloc_check`). */
const HASHES: ReadonlySet<number> = new Set([
  BpfMapType.HASH,
  BpfMapType.PERCPU_HASH,
  BpfMapType.LRU_HASH,
  BpfMapType.LRU_PERCPU_HASH,
  BpfMapType.HASH_OF_MAPS,
]);
/** Types whose indexes are masked for those who must not look into the kernel (`array_map_alloc`). */
const ARRAYS: ReadonlySet<number> = new Set([
  BpfMapType.ARRAY,
  BpfMapType.PERCPU_ARRAY,
  BpfMapType.PROG_ARRAY,
  BpfMapType.PERF_EVENT_ARRAY,
  BpfMapType.CGROUP_ARRAY,
  BpfMapType.ARRAY_OF_MAPS,
]);

/** Everything that is refused before anything is allocated. */
function checkAttributes(process: Process, args: MapCreateValues, flags: number): MapAttributes {
  if (args.btfVmlinuxValueTypeId !== 0) {
    if (args.mapType !== BpfMapType.STRUCT_OPS || args.btfKeyTypeId !== 0 || args.btfValueTypeId !== 0) {
      refuse(Errno.EINVAL);
    }
  } else if (args.btfKeyTypeId !== 0 && args.btfValueTypeId === 0) refuse(Errno.EINVAL);
  if (args.mapType !== BpfMapType.BLOOM_FILTER && args.mapType !== BpfMapType.ARENA && args.mapExtra !== 0n) {
    refuse(Errno.EINVAL);
  }
  if ((flags & ACCESS) === ACCESS) refuse(Errno.EINVAL);
  const node = (flags & BpfMapFlag.NUMA_NODE) === 0 ? NO_NODE : args.numaNode;
  if (node !== NODE && node !== NO_NODE) refuse(Errno.EINVAL);
  const attributes: MapAttributes = {
    type: args.mapType,
    keySize: args.keySize,
    valueSize: args.valueSize,
    maxEntries: args.maxEntries,
    // To ask for any node is to ask for none.
    flags: node === NO_NODE ? flags & ~BpfMapFlag.NUMA_NODE : flags,
    name: cString(args.mapName),
    extra: args.mapExtra,
  };
  if (HASHES.has(args.mapType) && (flags & BpfMapFlag.ZERO_SEED) !== 0 && !process.may("SYS_ADMIN")) {
    refuse(Errno.EPERM);
  }
  const { layout, release } = process.machine;
  const described: MapCreateAttributes = {
    ...attributes,
    mapExtra: args.mapExtra,
    typed: args.btfKeyTypeId !== 0 && args.btfValueTypeId !== 0,
    kernelTyped: args.btfVmlinuxValueTypeId !== 0,
  };
  const problem = checkMapAttributes(described, layout, release);
  if (problem !== 0) refuse(-problem);
  if ((args.mapFlags & BpfMapFlag.TOKEN_FD) !== 0) {
    // Descriptors there may be, but none is a token.
    process.files.get(args.mapTokenFd);
    refuse(Errno.EINVAL);
  }
  checkRights(process, args.mapType);
  // A map of a device is not allocated here.
  if (args.mapIfindex !== 0) refuse(deviceProblem(args));
  if (args.mapType === BpfMapType.STRUCT_OPS) checkStructOps(process, args);
  const limit = checkMapAllocation(described, layout, release);
  if (limit !== 0) refuse(-limit);
  // The number of elements is a power of two there, and must not overflow.
  if (ARRAYS.has(args.mapType) && !process.may("PERFMON") && args.maxEntries > 2 ** 31) refuse(Errno.E2BIG);
  return attributes;
}

/** What the maker of a map of some type must have (`map_create`). */
function checkRights(process: Process, mapType: number): void {
  if (!process.may("BPF") && !process.machine.unprivilegedBpf) refuse(Errno.EPERM);
  switch (mapTraits(mapType, process.machine.release)?.right) {
    case "netAdmin":
      if (!process.may("NET_ADMIN")) refuse(Errno.EPERM);
      break;
    case "bpf":
      if (!process.may("BPF")) refuse(Errno.EPERM);
      break;
    default:
  }
}

/**
 * `bpf_map_meta_alloc`: what the maps in a map of maps are like, as far as that is true of all of them. EBADF where no
 * map is named, ENOTSUPP for a type that is never in one.
 */
function innerMap(process: Process, { mapType, innerMapFd }: MapCreateValues): VerifierMap | null {
  if (mapType !== BpfMapType.ARRAY_OF_MAPS && mapType !== BpfMapType.HASH_OF_MAPS) return null;
  const map = process.map(innerMapFd, "any");
  // Maps of maps of maps there are none.
  if (map.parts.inner !== null) refuse(Errno.EINVAL);
  if (NEVER_INNER.has(map.type)) refuse(Errno.ENOTSUPP);
  const view = verifierMap(process.machine, map, () => new Uint8Array(0));
  return {
    ...view,
    name: "",
    btf: view.record === null ? null : view.btf,
    keyTypeId: 0,
    valueTypeId: 0,
    frozen: false,
    extra: 0n,
    // Its own program's hash does not matter: programs name the outer map.
    reservedForAnother: false,
  };
}

/** Why there is no map on a device (`bpf_map_offload_map_alloc`): the only device does not offer any. */
function deviceProblem({ mapType, mapIfindex }: MapCreateValues): number {
  const offloads = mapType === BpfMapType.HASH || mapType === BpfMapType.ARRAY;
  return offloads && mapIfindex === LOOPBACK_IFINDEX ? Errno.EOPNOTSUPP : Errno.EINVAL;
}

/** Name, types and the program it is reserved for. */
function describe(
  process: Process,
  args: MapCreateValues,
): Pick<MapParts, "name" | "btf" | "keyTypeId" | "valueTypeId" | "exclusiveTo" | "record"> {
  const name = objectName(args.mapName) ?? refuse(Errno.EINVAL);
  const btf = typesOf(process, args);
  const typed = btf !== null && args.btfValueTypeId !== 0;
  const record = typed ? recordOf(process, args, btf) : null;
  if (typed) refuseKey(process, args, btf);
  const exclusiveTo = exclusiveHash(process, args);
  return {
    name,
    record,
    btf,
    keyTypeId: args.btfKeyTypeId,
    valueTypeId: args.btfValueTypeId,
    exclusiveTo,
  };
}

function typesOf(process: Process, args: MapCreateValues): KernelBtf | null {
  const own = args.btfKeyTypeId !== 0 || args.btfValueTypeId !== 0;
  if (!own && args.btfVmlinuxValueTypeId === 0) return null;
  const btf = process.btf(args.btfFd);
  if (btf.kernelBtf) refuse(Errno.EACCES);
  // A value of the kernel's own type has passed the map's allocation.
  if (!own) return btf;
  if (!fitsSizes(btf.types, typeIds(args), args, keyTypeOf(process, args))) refuse(Errno.EINVAL);
  return btf;
}

function typeIds(args: MapCreateValues): MapTypes {
  return { keyTypeId: args.btfKeyTypeId, valueTypeId: args.btfValueTypeId };
}

function keyTypeOf(process: Process, { mapType }: MapCreateValues): KeyType {
  return mapTraits(mapType, process.machine.release)?.key ?? "any";
}

function refuseKey(process: Process, args: MapCreateValues, btf: KernelBtf): void {
  const problem = keyProblem(btf.types, typeIds(args), args, keyTypeOf(process, args));
  if (problem !== 0) refuse(problem);
}

/** The fields of the values that only the kernel may touch, where the map type allows them. */
function recordOf(process: Process, args: MapCreateValues, btf: KernelBtf): BtfRecord | null {
  const { errno, record } = mapRecord({
    btf: btf.types,
    valueTypeId: args.btfValueTypeId,
    structMetas: process.machine.structMetas(btf),
    kernel: process.machine.kernelTypes,
    mapType: args.mapType,
    mapFlags: keptFlags(args.mapType, args.mapFlags),
    valueSize: args.valueSize,
    bpfCapable: process.may("BPF"),
    release: process.machine.release,
  });
  return errno === 0 ? record : refuse(errno);
}

/** The SHA-256 of the only program that may use the map. */
function exclusiveHash(process: Process, args: MapCreateValues): Uint8Array | null {
  if (args.exclProgHash === 0n) return args.exclProgHashSize === 0 ? null : refuse(Errno.EINVAL);
  if (args.exclProgHashSize !== DIGEST_SIZE) refuse(Errno.EINVAL);
  return process.read(args.exclProgHash, DIGEST_SIZE).slice();
}
