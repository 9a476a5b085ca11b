import { BpfMapType, Errno } from "../../uapi/index.ts";
import type { Attr } from "../attr.ts";
import { objectName } from "../names.ts";
import { KernelMap } from "../objects/map.ts";
import type { Process } from "../process.ts";
import { refuse } from "../refusal.ts";
import { isKeyType, isValueType } from "../map-btf.ts";

const BPF_F_RDONLY = 1 << 3;
const BPF_F_WRONLY = 1 << 4;
const BPF_F_NUMA_NODE = 1 << 2;

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
  const access = args.mapFlags & (BPF_F_RDONLY | BPF_F_WRONLY);
  if (access === (BPF_F_RDONLY | BPF_F_WRONLY)) refuse(Errno.EINVAL);
  // One memory node, number 0.
  if ((args.mapFlags & BPF_F_NUMA_NODE) === 0 ? args.numaNode !== 0 : args.numaNode >>> 0 !== 0) refuse(Errno.EINVAL);
  const rules = machine.mapTypes.get(args.mapType);
  if (rules === undefined) refuse(Errno.EINVAL);
  const problem = rules.check(args);
  if (problem !== 0) refuse(problem);
  if (!process.may("BPF") && rules.privileged) refuse(Errno.EPERM);
  const name = objectName(args.mapName) ?? refuse(Errno.EINVAL);

  const btf =
    args.btfKeyTypeId !== 0 || args.btfValueTypeId !== 0 ? process.btf(args.btfFd).get() : null;
  try {
    if (btf !== null) {
      if (btf.kernelBtf) refuse(Errno.EACCES);
      if (!isValueType(btf.types, args.btfValueTypeId, args.valueSize)) refuse(Errno.EINVAL);
      if (!isKeyType(btf.types, args.btfKeyTypeId, args.keySize, args.mapType)) refuse(Errno.EINVAL);
    }
    const storage = machine.createMap({
      type: args.mapType,
      keySize: args.keySize,
      valueSize: args.valueSize,
      maxEntries: args.maxEntries,
      flags: args.mapFlags,
    });
    const map = new KernelMap(machine.maps, {
      name,
      maxEntries: args.maxEntries,
      flags: args.mapFlags & ~(BPF_F_RDONLY | BPF_F_WRONLY),
      extra: args.mapExtra,
      storage,
      operations: machine.operationsOf(storage.shape),
      btf: btf === null ? null : btf.get(),
      keyTypeId: args.btfKeyTypeId,
      valueTypeId: args.btfValueTypeId,
      userValueSize: rules.perCpu ? ((args.valueSize + 7) & -8) * machine.cpus : args.valueSize,
      memoryUsage: rules.memoryUsage(args, machine.cpus),
    });
    machine.describeMap(map);
    return process.files.install(map, {
      readable: access !== BPF_F_WRONLY,
      writable: access !== BPF_F_RDONLY,
    });
  } finally {
    btf?.put();
  }
}
