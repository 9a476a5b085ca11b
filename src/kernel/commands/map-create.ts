import type { MapAttributes } from "../../maps/index.ts";
import { checkMapCreate } from "../../platform/index.ts";
import { BpfMapFlag, BpfMapType, Errno } from "../../uapi/index.ts";
import type { Attr } from "../attr.ts";
import { fitsTypes } from "../map-btf.ts";
import { mapMemoryUsage } from "../map-usage.ts";
import { objectName } from "../names.ts";
import { KernelMap } from "../objects/map.ts";
import type { Process } from "../process.ts";
import { refuse } from "../refusal.ts";

const ACCESS = BpfMapFlag.RDONLY | BpfMapFlag.WRONLY;
/** The one memory node. */
const NODE = 0;
/** `NUMA_NO_NODE`, as the attribute has it. */
const NO_NODE = 0xffff_ffff;

/** `map_create` in kernel/bpf/syscall.c: the checks in its order, so that a call with several mistakes gets Linux's errno. */
export function mapCreate(process: Process, attr: Attr): number {
  const machine = process.machine;
  const args = attr.fields("MAP_CREATE");
  if (args.btfVmlinuxValueTypeId !== 0) {
    if (args.mapType !== BpfMapType.STRUCT_OPS || args.btfKeyTypeId !== 0 || args.btfValueTypeId !== 0) {
      refuse(Errno.EINVAL);
    }
  } else if (args.btfKeyTypeId !== 0 && args.btfValueTypeId === 0) refuse(Errno.EINVAL);
  if (args.mapType !== BpfMapType.BLOOM_FILTER && args.mapType !== BpfMapType.ARENA && args.mapExtra !== 0n) {
    refuse(Errno.EINVAL);
  }
  const access = args.mapFlags & ACCESS;
  if (access === ACCESS) refuse(Errno.EINVAL);
  const node = (args.mapFlags & BpfMapFlag.NUMA_NODE) === 0 ? NODE : args.numaNode;
  if (node !== NODE && node !== NO_NODE) refuse(Errno.EINVAL);
  const attributes: MapAttributes = {
    type: args.mapType,
    keySize: args.keySize,
    valueSize: args.valueSize,
    maxEntries: args.maxEntries,
    flags: args.mapFlags,
  };
  const problem = checkMapCreate({ ...attributes, mapExtra: args.mapExtra }, machine.layout);
  if (problem !== 0) refuse(Math.abs(problem));
  if (!process.may("BPF")) refuse(Errno.EPERM);
  const name = objectName(args.mapName) ?? refuse(Errno.EINVAL);

  const btf = args.btfKeyTypeId !== 0 || args.btfValueTypeId !== 0 ? process.btf(args.btfFd).get() : null;
  try {
    if (btf !== null) {
      if (btf.kernelBtf) refuse(Errno.EACCES);
      const types = { keyTypeId: args.btfKeyTypeId, valueTypeId: args.btfValueTypeId };
      if (!fitsTypes(btf.types, types, args)) refuse(Errno.EINVAL);
    }
    const storage = machine.createMap(attributes);
    const map = new KernelMap(machine.maps, {
      name,
      maxEntries: args.maxEntries,
      flags: args.mapFlags & ~ACCESS,
      extra: args.mapExtra,
      storage,
      operations: machine.operationsOf(storage.shape),
      btf: btf === null ? null : btf.get(),
      keyTypeId: args.btfKeyTypeId,
      valueTypeId: args.btfValueTypeId,
      userValueSize: isPerCpuType(args.mapType) ? ((args.valueSize + 7) & -8) * machine.cpus : args.valueSize,
      memoryUsage: mapMemoryUsage(attributes, machine.cpus, machine.layout),
    });
    machine.describeMap(map);
    return process.files.install(map, {
      readable: access !== BpfMapFlag.WRONLY,
      writable: access !== BpfMapFlag.RDONLY,
    });
  } finally {
    btf?.put();
  }
}

function isPerCpuType(type: number): boolean {
  return type === BpfMapType.PERCPU_HASH || type === BpfMapType.PERCPU_ARRAY;
}
