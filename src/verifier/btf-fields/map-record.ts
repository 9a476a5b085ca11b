import { type Btf, resolveType } from "../../btf/index.ts";
import { type KernelRelease, mapTraits } from "../../platform/index.ts";
import { BpfMapFlag, Errno, BpfMapType as M } from "../../uapi/index.ts";
import { type BtfRecord, FieldType, GRAPH_ROOT_MASK, hasField, KPTR_MASK } from "../environment/record.ts";
import { Rejection } from "../environment/rejection.ts";
import { type KernelTypes, parseFields } from "./parse-record.ts";
import { checkAndFixupFields, type StructMetas } from "./struct-metas.ts";

/** A map whose values' types are known: what decides about the special fields that these may have. */
export interface MapValueType {
  readonly btf: Btf;
  /** Id of the value's type in `btf`. */
  readonly valueTypeId: number;
  /** Of `btf`, as `parseStructMetas` finds them. */
  readonly structMetas: StructMetas;
  readonly kernel: KernelTypes;
  /** A value of `BpfMapType`. */
  readonly mapType: number;
  /** `BPF_F_*` */
  readonly mapFlags: number;
  /** In bytes. */
  readonly valueSize: number;
  /** The creator has CAP_BPF. */
  readonly bpfCapable: boolean;
  /** 6.18 where it is absent. */
  readonly release?: KernelRelease;
}

const FIELDS =
  FieldType.SPIN_LOCK |
  FieldType.RES_SPIN_LOCK |
  FieldType.TIMER |
  KPTR_MASK |
  GRAPH_ROOT_MASK |
  FieldType.REFCOUNT |
  FieldType.WORKQUEUE |
  FieldType.UPTR |
  FieldType.TASK_WORK;

const LOCAL_STORAGE = [M.SK_STORAGE, M.INODE_STORAGE, M.TASK_STORAGE, M.CGRP_STORAGE];
const PLAIN = [M.HASH, M.LRU_HASH, M.ARRAY];

/** Map types whose values may have the fields. Kinds that are not here may be in no map. */
const MAP_TYPES: readonly { readonly fields: number; readonly types: ReadonlySet<number> }[] = [
  {
    fields: FieldType.SPIN_LOCK | FieldType.RES_SPIN_LOCK,
    types: new Set([M.HASH, M.ARRAY, M.CGROUP_STORAGE, ...LOCAL_STORAGE]),
  },
  { fields: FieldType.TIMER | FieldType.WORKQUEUE | FieldType.TASK_WORK, types: new Set(PLAIN) },
  {
    fields: KPTR_MASK | FieldType.REFCOUNT,
    types: new Set([...PLAIN, M.PERCPU_HASH, M.LRU_PERCPU_HASH, M.PERCPU_ARRAY, ...LOCAL_STORAGE]),
  },
  { fields: FieldType.UPTR, types: new Set([M.TASK_STORAGE]) },
  { fields: GRAPH_ROOT_MASK, types: new Set(PLAIN) },
];

/**
 * The special fields of a map's values, for BPF_MAP_CREATE (the part of `map_check_btf` about them). Fields that are
 * wrong in themselves are as if they were not there: programs that use them are refused.
 *
 * @returns `errno` 0 and the record, null where there are no such fields; or a positive `errno`
 */
export function mapRecord(map: MapValueType): { readonly errno: number; readonly record: BtfRecord | null } {
  const record = parsedOrNull(map);
  const errno = record === null ? 0 : refusalOf(record, map);
  if (errno !== 0) return { errno, record: null };
  try {
    checkAndFixupFields(record, map.structMetas);
  } catch (error) {
    if (error instanceof Rejection) return { errno: error.errno, record: null };
    throw error;
  }
  return { errno: 0, record };
}

/** Locks, timers and pointers, which were each looked for alone. */
const FIELDS_6_1 = FieldType.SPIN_LOCK | FieldType.TIMER | FieldType.KPTR_UNREF | FieldType.KPTR_REF;

function parsedOrNull({ btf, valueTypeId, valueSize, kernel, release }: MapValueType): BtfRecord | null {
  const mask = release === "6.1" ? FIELDS_6_1 : FIELDS;
  try {
    return parseFields(btf, resolveType(btf, valueTypeId), mask, valueSize, kernel, release);
  } catch (error) {
    if (error instanceof Rejection) return null;
    throw error;
  }
}

/** `map_check_btf` as it was: a right for pointers alone, and locks may be in maps that programs cannot write. */
function refusalIn61(record: BtfRecord, { bpfCapable, mapFlags, mapType }: MapValueType): number {
  const kinds = mapTraits(mapType, "6.1")?.fields;
  if (hasField(record, FieldType.SPIN_LOCK | FieldType.TIMER)) {
    if ((mapFlags & BpfMapFlag.RDONLY_PROG) !== 0) return Errno.EACCES;
    if (hasField(record, FieldType.SPIN_LOCK) && kinds?.has("spinLock") !== true) return Errno.ENOTSUPP;
    if (hasField(record, FieldType.TIMER) && kinds?.has("timer") !== true) return Errno.EOPNOTSUPP;
  }
  if (!hasField(record, KPTR_MASK)) return 0;
  if (!bpfCapable) return Errno.EPERM;
  if ((mapFlags & (BpfMapFlag.RDONLY_PROG | BpfMapFlag.WRONLY_PROG)) !== 0) return Errno.EACCES;
  return kinds?.has("kptr") === true ? 0 : Errno.EOPNOTSUPP;
}

function refusalOf(record: BtfRecord, map: MapValueType): number {
  const { bpfCapable, mapFlags, mapType } = map;
  if (map.release === "6.1") return refusalIn61(record, map);
  if (!bpfCapable) return Errno.EPERM;
  if ((mapFlags & (BpfMapFlag.RDONLY_PROG | BpfMapFlag.WRONLY_PROG)) !== 0) return Errno.EACCES;
  for (const { fields, types } of MAP_TYPES) {
    if ((record.mask & fields) !== 0 && !types.has(mapType)) return Errno.EOPNOTSUPP;
  }
  return 0;
}
