import { PAGE_SIZE } from "../mem/index.ts";
import { BpfMapFlag, BpfMapType, Errno } from "../uapi/index.ts";
import type { MapAttributes } from "./map-attributes.ts";
import {
  isCgroupStorage,
  isContainer,
  isHashType,
  isLocalStorage,
  isLruType,
  isObjectArray,
  isPerCpuType,
  isRedirectMap,
  isSocketMap,
  rounded,
} from "./map-shape.ts";
import { MAX_STACK_DEPTH, StackBuildId } from "./stack-traces.ts";

const ACCESS = BpfMapFlag.RDONLY | BpfMapFlag.WRONLY | BpfMapFlag.RDONLY_PROG | BpfMapFlag.WRONLY_PROG;

const ARRAY_FLAGS =
  BpfMapFlag.NUMA_NODE | BpfMapFlag.MMAPABLE | ACCESS | BpfMapFlag.PRESERVE_ELEMS | BpfMapFlag.INNER_MAP;

const HASH_FLAGS =
  BpfMapFlag.NO_PREALLOC | BpfMapFlag.NO_COMMON_LRU | BpfMapFlag.NUMA_NODE | ACCESS | BpfMapFlag.ZERO_SEED;

/** The largest value of one CPU (`PCPU_MIN_UNIT_SIZE`). */
const MAX_PERCPU_VALUE = 32 << 10;

/** `NR_CPUS` of Debian's and most kernels' x86-64 configuration. */
const MAX_CPUS = 8192;

/** `KMALLOC_MAX_SIZE` on x86-64 */
const MAX_KMALLOC = 4 << 20;

/** … less `sizeof(struct htab_elem)`. */
const MAX_HASH_ELEMENT = MAX_KMALLOC - 48;

/** `LPM_VAL_SIZE_MAX`, with the 24 bytes of a `struct lpm_trie_node`. */
const MAX_TRIE_VALUE = MAX_KMALLOC - 256 - 24;

/** `sizeof(struct bucket)`: how many there can be is checked against 32 bits of it. */
const LINUX_BUCKET_SIZE = 16;

/**
 * What Linux says to a map of these attributes before it allocates anything: `map_alloc_check` of its type, and the
 * overflow checks of `map_alloc`. Rights are no part of it.
 *
 * @returns 0, or a negative errno; EINVAL for types that have no storage here.
 */
export function checkMapAttributes(attributes: MapAttributes): number {
  const { type } = attributes;
  if (type === BpfMapType.HASH_OF_MAPS && attributes.valueSize !== 4) return -Errno.EINVAL;
  if (isHashType(type)) return checkHash(attributes);
  if (type === BpfMapType.ARRAY || type === BpfMapType.PERCPU_ARRAY) return checkArray(attributes);
  if (isObjectArray(type)) return checkObjectArray(attributes);
  if (type === BpfMapType.RINGBUF || type === BpfMapType.USER_RINGBUF) return checkRing(attributes);
  if (isLocalStorage(type)) return checkLocalStorage(attributes);
  if (isCgroupStorage(type)) return checkCgroupStorage(attributes);
  if (type === BpfMapType.ARENA) return checkArena(attributes);
  if (isSocketMap(type)) return checkSocketMap(attributes);
  if (isRedirectMap(type)) return checkRedirectMap(attributes);
  if (type === BpfMapType.LPM_TRIE) return checkTrie(attributes);
  if (type === BpfMapType.STRUCT_OPS) return checkStructOps(attributes);
  if (type === BpfMapType.STACK_TRACE) return checkStacks(attributes);
  if (type === BpfMapType.BLOOM_FILTER) return checkFilter(attributes);
  if (isContainer(type)) return checkQueue(attributes);
  return -Errno.EINVAL;
}

function accessOk(flags: number): boolean {
  const both = BpfMapFlag.RDONLY_PROG | BpfMapFlag.WRONLY_PROG;
  return (flags & both) !== both;
}

/** `array_map_alloc_check`. */
function checkArray({ type, keySize, valueSize, maxEntries, flags }: MapAttributes): number {
  const perCpu = isPerCpuType(type);
  if (
    maxEntries === 0 ||
    keySize !== 4 ||
    valueSize === 0 ||
    (flags & ~ARRAY_FLAGS) !== 0 ||
    !accessOk(flags) ||
    (perCpu && (flags & BpfMapFlag.NUMA_NODE) !== 0)
  ) {
    return -Errno.EINVAL;
  }
  if (type !== BpfMapType.ARRAY && (flags & (BpfMapFlag.MMAPABLE | BpfMapFlag.INNER_MAP)) !== 0) {
    return -Errno.EINVAL;
  }
  if (type !== BpfMapType.PERF_EVENT_ARRAY && (flags & BpfMapFlag.PRESERVE_ELEMS) !== 0) return -Errno.EINVAL;
  if (valueSize > 0x7fff_ffff) return -Errno.E2BIG;
  if (perCpu && rounded(valueSize) > MAX_PERCPU_VALUE) return -Errno.E2BIG;
  return 0;
}

/** `fd_array_map_alloc_check`. */
function checkObjectArray(attributes: MapAttributes): number {
  if (attributes.valueSize !== 4) return -Errno.EINVAL;
  if ((attributes.flags & (BpfMapFlag.RDONLY_PROG | BpfMapFlag.WRONLY_PROG)) !== 0) return -Errno.EINVAL;
  return checkArray(attributes);
}

/** `bpf_local_storage_map_alloc_check` */
function checkLocalStorage({ keySize, valueSize, maxEntries, flags }: MapAttributes): number {
  const known = BpfMapFlag.NO_PREALLOC | BpfMapFlag.CLONE;
  if ((flags & ~known) !== 0 || (flags & BpfMapFlag.NO_PREALLOC) === 0) return -Errno.EINVAL;
  return maxEntries !== 0 || keySize !== 4 || valueSize === 0 ? -Errno.EINVAL : 0;
}

/** `cgroup_storage_map_alloc`: a key is the id of a cgroup, or that with an attach type. */
function checkCgroupStorage({ type, keySize, valueSize, maxEntries, flags }: MapAttributes): number {
  if ((keySize !== 8 && keySize !== 16) || valueSize === 0) return -Errno.EINVAL;
  if (isPerCpuType(type) && valueSize > MAX_PERCPU_VALUE) return -Errno.E2BIG;
  const known = BpfMapFlag.NUMA_NODE | ACCESS;
  return (flags & ~known) !== 0 || !accessOk(flags) || maxEntries !== 0 ? -Errno.EINVAL : 0;
}

/** `arena_map_alloc` */
function checkArena({ keySize, valueSize, maxEntries, flags }: MapAttributes): number {
  const known = BpfMapFlag.SEGV_ON_FAULT | BpfMapFlag.MMAPABLE | BpfMapFlag.NO_USER_CONV;
  if (keySize !== 0 || valueSize !== 0 || maxEntries === 0) return -Errno.EINVAL;
  if ((flags & BpfMapFlag.MMAPABLE) === 0 || (flags & ~known) !== 0) return -Errno.EINVAL;
  return maxEntries * PAGE_SIZE > 2 ** 32 ? -Errno.E2BIG : 0;
}

/** `sock_map_alloc`, `sock_hash_alloc`, `reuseport_array_alloc_check` */
function checkSocketMap({ type, keySize, valueSize, maxEntries, flags }: MapAttributes): number {
  if (maxEntries === 0 || (valueSize !== 4 && valueSize !== 8)) return -Errno.EINVAL;
  if (type === BpfMapType.REUSEPORT_SOCKARRAY) {
    const known = BpfMapFlag.NUMA_NODE | ACCESS;
    return keySize !== 4 || (flags & ~known) !== 0 || !accessOk(flags) ? -Errno.EINVAL : 0;
  }
  const known = BpfMapFlag.NUMA_NODE | BpfMapFlag.RDONLY | BpfMapFlag.WRONLY;
  if ((flags & ~known) !== 0 || keySize === 0) return -Errno.EINVAL;
  if (type === BpfMapType.SOCKMAP) return keySize === 4 ? 0 : -Errno.EINVAL;
  // MAX_BPF_STACK: a key lies on the stack.
  return keySize > 512 ? -Errno.E2BIG : 0;
}

/** `dev_map_alloc_check`, `cpu_map_alloc`, `xsk_map_alloc` */
function checkRedirectMap({ type, keySize, valueSize, maxEntries, flags }: MapAttributes): number {
  const cpus = type === BpfMapType.CPUMAP;
  const known = cpus ? BpfMapFlag.NUMA_NODE : BpfMapFlag.NUMA_NODE | BpfMapFlag.RDONLY | BpfMapFlag.WRONLY;
  const wide = valueSize === 8 && type !== BpfMapType.XSKMAP;
  if (maxEntries === 0 || keySize !== 4 || (valueSize !== 4 && !wide)) return -Errno.EINVAL;
  if ((flags & ~known) !== 0) return -Errno.EINVAL;
  if (cpus && maxEntries > MAX_CPUS) return -Errno.E2BIG;
  return type === BpfMapType.DEVMAP_HASH && maxEntries > 2 ** 31 ? -Errno.EINVAL : 0;
}

/** `queue_stack_map_alloc_check` */
function checkQueue({ keySize, valueSize, maxEntries, flags }: MapAttributes): number {
  const known = BpfMapFlag.NUMA_NODE | ACCESS;
  if (maxEntries === 0 || keySize !== 0 || valueSize === 0) return -Errno.EINVAL;
  if ((flags & ~known) !== 0 || !accessOk(flags)) return -Errno.EINVAL;
  return valueSize > MAX_KMALLOC ? -Errno.E2BIG : 0;
}

/** `bloom_map_alloc_check`, `bloom_map_alloc` */
function checkFilter({ keySize, valueSize, maxEntries, flags, extra = 0n }: MapAttributes): number {
  const known = BpfMapFlag.NUMA_NODE | BpfMapFlag.ZERO_SEED | ACCESS;
  if (valueSize > MAX_KMALLOC) return -Errno.E2BIG;
  if (maxEntries === 0 || keySize !== 0 || valueSize === 0) return -Errno.EINVAL;
  return (flags & ~known) !== 0 || !accessOk(flags) || extra > 0xfn ? -Errno.EINVAL : 0;
}

/** `stack_map_alloc` */
function checkStacks({ keySize, valueSize, maxEntries, flags }: MapAttributes): number {
  const known = BpfMapFlag.NUMA_NODE | BpfMapFlag.RDONLY | BpfMapFlag.WRONLY | BpfMapFlag.STACK_BUILD_ID;
  const frame = (flags & BpfMapFlag.STACK_BUILD_ID) === 0 ? 8 : StackBuildId.SIZE;
  if ((flags & ~known) !== 0 || maxEntries === 0 || keySize !== 4 || valueSize === 0) return -Errno.EINVAL;
  if (valueSize % frame !== 0 || valueSize / frame > MAX_STACK_DEPTH) return -Errno.EINVAL;
  return maxEntries > 2 ** 31 ? -Errno.E2BIG : 0;
}

/** `bpf_struct_ops_map_alloc_check` */
function checkStructOps({ keySize, maxEntries, flags }: MapAttributes): number {
  const known = BpfMapFlag.LINK | BpfMapFlag.VTYPE_BTF_OBJ_FD;
  return keySize !== 4 || maxEntries !== 1 || (flags & ~known) !== 0 ? -Errno.EINVAL : 0;
}

/** `trie_alloc`: a key is a length of 4 bytes, and 1 to 256 bytes of data. */
function checkTrie({ keySize, valueSize, maxEntries, flags }: MapAttributes): number {
  const known = BpfMapFlag.NO_PREALLOC | BpfMapFlag.NUMA_NODE | ACCESS;
  if (maxEntries === 0 || (flags & BpfMapFlag.NO_PREALLOC) === 0 || (flags & ~known) !== 0)
    return -Errno.EINVAL;
  if (!accessOk(flags) || keySize < 5 || keySize > 4 + 256) return -Errno.EINVAL;
  return valueSize === 0 || valueSize > MAX_TRIE_VALUE ? -Errno.EINVAL : 0;
}

/** `ringbuf_map_alloc` */
function checkRing({ keySize, valueSize, maxEntries, flags }: MapAttributes): number {
  if ((flags & ~BpfMapFlag.NUMA_NODE) !== 0 || keySize !== 0 || valueSize !== 0) return -Errno.EINVAL;
  const size = maxEntries >>> 0;
  return size < PAGE_SIZE || (size & (size - 1)) !== 0 ? -Errno.EINVAL : 0;
}

/** `htab_map_alloc_check`, and the checks at the start of `htab_map_alloc`. */
function checkHash({ type, keySize, valueSize, maxEntries, flags }: MapAttributes): number {
  const perCpu = isPerCpuType(type);
  const lru = isLruType(type);
  if ((flags & ~HASH_FLAGS) !== 0 || !accessOk(flags)) return -Errno.EINVAL;
  if (!lru && (flags & BpfMapFlag.NO_COMMON_LRU) !== 0) return -Errno.EINVAL;
  if (lru && (flags & BpfMapFlag.NO_PREALLOC) !== 0) return -Errno.ENOTSUPP;
  const scattered = perCpu || (flags & BpfMapFlag.NO_COMMON_LRU) !== 0;
  if (scattered && (flags & BpfMapFlag.NUMA_NODE) !== 0) return -Errno.EINVAL;
  if (maxEntries === 0 || keySize === 0 || valueSize === 0) return -Errno.EINVAL;
  if (keySize + valueSize >= MAX_HASH_ELEMENT) return -Errno.E2BIG;
  if (perCpu && rounded(valueSize) > MAX_PERCPU_VALUE) return -Errno.E2BIG;
  if (maxEntries > 2 ** 31) return -Errno.E2BIG;
  if (bucketsFor(maxEntries) > Math.floor(0xffff_ffff / LINUX_BUCKET_SIZE)) return -Errno.E2BIG;
  return 0;
}

/** Buckets of a hash table: the entries it may have, up to a power of two. */
export function bucketsFor(maxEntries: number): number {
  return maxEntries <= 1 ? 1 : 2 ** (32 - Math.clz32(maxEntries - 1));
}
