import { messageOf, TsbpfError } from "../base/index.ts";
import type { MapSpec } from "../object/index.ts";
import { type BpfCommands, Errno, mapInfo } from "../sys/index.ts";
import { BpfMapFlag, BpfMapType, mapTypeNames } from "../uapi/index.ts";

/** Map types whose kernel side knows no types of keys and values. */
const WITHOUT_TYPES: ReadonlySet<number> = new Set([
  BpfMapType.PERF_EVENT_ARRAY,
  BpfMapType.CGROUP_ARRAY,
  BpfMapType.STACK_TRACE,
  BpfMapType.ARRAY_OF_MAPS,
  BpfMapType.HASH_OF_MAPS,
  BpfMapType.DEVMAP,
  BpfMapType.DEVMAP_HASH,
  BpfMapType.CPUMAP,
  BpfMapType.XSKMAP,
  BpfMapType.SOCKMAP,
  BpfMapType.SOCKHASH,
  BpfMapType.QUEUE,
  BpfMapType.STACK,
  BpfMapType.ARENA,
]);

export interface MapCreation {
  readonly spec: MapSpec;
  /** Of the object's BTF; 0 where the kernel has none of it. */
  readonly btfFd: number;
  /** Of a struct_ops map: the kernel's type of its values, its size, and the module that has it. */
  readonly structOps?: {
    readonly valueTypeId: number;
    readonly valueSize: number;
    readonly moduleFd: number | null;
  };
}

/**
 * Creates a map as libbpf does (`bpf_object__create_map`): perf event arrays without a size get one entry a CPU; maps of
 * maps get an inner map as prototype, which is closed again; types of keys and values go along where the map type has
 * them, and are left out in a second try where the kernel does not take them.
 *
 * @returns the map's descriptor.
 */
export function createMap(sys: BpfCommands, { spec, btfFd, structOps }: MapCreation): number {
  const inner = spec.inner === null ? null : createMap(sys, { spec: spec.inner, btfFd });
  try {
    const typed = btfFd !== 0 && !WITHOUT_TYPES.has(spec.type);
    const args = {
      mapType: spec.type,
      mapName: spec.name,
      keySize: spec.keySize,
      valueSize: structOps?.valueSize ?? spec.valueSize,
      maxEntries: maxEntries(sys, spec),
      mapFlags: spec.flags | (structOps?.moduleFd == null ? 0 : BpfMapFlag.VTYPE_BTF_OBJ_FD),
      numaNode: spec.numaNode ?? 0,
      mapExtra: spec.mapExtra,
      innerMapFd: inner ?? 0,
      btfVmlinuxValueTypeId: structOps?.valueTypeId ?? 0,
      valueTypeBtfObjFd: structOps?.moduleFd ?? 0,
    };
    const types = {
      btfFd: typed ? btfFd : 0,
      btfKeyTypeId: typed && structOps === undefined ? spec.keyTypeId : 0,
      btfValueTypeId: typed && structOps === undefined ? spec.valueTypeId : 0,
    };
    try {
      return sys.mapCreate({ ...args, ...types });
    } catch (error) {
      if (!(error instanceof Errno) || (types.btfKeyTypeId === 0 && types.btfValueTypeId === 0)) throw error;
      return sys.mapCreate(args);
    }
  } finally {
    if (inner !== null) sys.port.close(inner);
  }
}

function maxEntries(sys: BpfCommands, spec: MapSpec): number {
  return spec.type === BpfMapType.PERF_EVENT_ARRAY && spec.maxEntries === 0
    ? sys.possibleCpus()
    : spec.maxEntries;
}

/** Puts initial contents into a data section's map, and freezes it where it is read-only. */
export function fillMap(sys: BpfCommands, fd: number, spec: MapSpec, contents: Uint8Array): void {
  if (spec.type === BpfMapType.ARENA) {
    fillArena(sys, fd, spec, contents);
    return;
  }
  sys.mapUpdateElem({ mapFd: fd, key: new Uint8Array(4), value: contents });
  if (!spec.freeze) return;
  try {
    sys.mapFreeze({ mapFd: fd });
  } catch (error) {
    // Before Linux 5.2 there is no freezing, and nothing that would depend on it.
    if (!(error instanceof Errno) || error.code !== "EINVAL") throw error;
  }
}

function fillArena(sys: BpfCommands, fd: number, spec: MapSpec, contents: Uint8Array): void {
  const mapping = sys.port.map(fd, 0, spec.maxEntries * 4096, { write: true });
  if (typeof mapping === "number") throw new Errno(-mapping, "mmap");
  try {
    mapping.write(0, contents);
  } finally {
    mapping.close();
  }
}

/**
 * The map that is pinned at a path, where one is and is like the declared one (`bpf_object__reuse_map`).
 *
 * @returns a descriptor, or null where nothing is pinned there. TsbpfError where something else is.
 */
export function pinnedMap(sys: BpfCommands, spec: MapSpec, pathname: string): number | null {
  let fd: number;
  try {
    fd = sys.objGet({ pathname });
  } catch (error) {
    if (error instanceof Errno && error.code === "ENOENT") return null;
    throw new TsbpfError(`${pathname}: ${messageOf(error)}`, { cause: error });
  }
  const difference = differenceOf(sys, fd, spec);
  if (difference === null) return fd;
  sys.port.close(fd);
  throw new TsbpfError(
    `${pathname}: a map like the declared one was expected to be pinned there: ${difference}`,
  );
}

function differenceOf(sys: BpfCommands, fd: number, spec: MapSpec): string | null {
  const info = mapInfo(sys, fd);
  // The kernel adds these to what device maps were created with.
  const added =
    spec.type === BpfMapType.DEVMAP || spec.type === BpfMapType.DEVMAP_HASH ? BpfMapFlag.RDONLY_PROG : 0;
  const typeName = (type: number) => mapTypeNames[type] ?? type;
  const rows: readonly [what: string, expected: number | string | bigint, got: number | string | bigint][] = [
    ["type", typeName(spec.type), typeName(info.type)],
    ["key size", spec.keySize, info.keySize],
    ["value size", spec.valueSize, info.valueSize],
    ["max_entries", maxEntries(sys, spec), info.maxEntries],
    ["flags", spec.flags, info.mapFlags & ~added],
    ["map_extra", spec.mapExtra, info.mapExtra],
  ];
  const row = rows.find(([, expected, got]) => expected !== got);
  return row === undefined ? null : `expected ${row[0]} ${row[1]}, got ${row[2]}`;
}
