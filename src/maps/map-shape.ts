import { SpecialField } from "../btf/index.ts";
import { BpfMapFlag, BpfMapType } from "../uapi/index.ts";
import { LruNode } from "./lru-lists.ts";
import type { MapAttributes } from "./map-attributes.ts";
import type { MapShape, SpecialShape } from "./operations.ts";
import { fieldOffset, ownsSomething, type SpecialFields } from "./special-fields.ts";

const HASH_SHAPE_FLAGS = BpfMapFlag.NO_PREALLOC | BpfMapFlag.NO_COMMON_LRU;

/** What the operations of a map with these attributes depend on. */
export function shapeOf(attributes: MapAttributes): MapShape {
  const { type, keySize, valueSize, record } = attributes;
  let flags = isHashType(type) ? attributes.flags & HASH_SHAPE_FLAGS : 0;
  // Its elements are allocated as they come (`sock_hash_alloc_elem`).
  if (type === BpfMapType.SOCKHASH) flags = BpfMapFlag.NO_PREALLOC;
  const shape = { type, keySize, valueSize, flags };
  return record === undefined ? shape : { ...shape, special: specialShape(record) };
}

function specialShape(record: SpecialFields): SpecialShape {
  return {
    holes: record.fields.map(({ offset, size }) => ({ offset, size })),
    lock: fieldOffset(record, SpecialField.SPIN_LOCK),
    frees: ownsSomething(record),
  };
}

/** A name for a shape, the same for equal shapes. */
export function shapeName(shape: MapShape): string {
  const { special } = shape;
  const holes = special?.holes.map(({ offset, size }) => `${offset}+${size}`) ?? [];
  const fields = special === undefined ? "" : `/${holes.join()}/${special.lock}/${special.frees}`;
  return `map:${shape.type}/${shape.keySize}/${shape.valueSize}/${shape.flags}${fields}`;
}

export function isHashType(type: number): boolean {
  return (
    type === BpfMapType.HASH ||
    type === BpfMapType.PERCPU_HASH ||
    type === BpfMapType.HASH_OF_MAPS ||
    isLruType(type)
  );
}

/** It evicts elements where it is full. */
export function isLruType(type: number): boolean {
  return type === BpfMapType.LRU_HASH || type === BpfMapType.LRU_PERCPU_HASH;
}

export function isArrayType(type: number): boolean {
  return type === BpfMapType.ARRAY || type === BpfMapType.PERCPU_ARRAY || isObjectArray(type);
}

/** Its values are offsets of maps, and a lookup gives the map. */
export function isMapOfMaps(type: number): boolean {
  return type === BpfMapType.ARRAY_OF_MAPS || type === BpfMapType.HASH_OF_MAPS;
}

/** An array of words that name objects, which system calls put there and programs only use. */
export function isObjectArray(type: number): boolean {
  return (
    type === BpfMapType.PROG_ARRAY ||
    type === BpfMapType.ARRAY_OF_MAPS ||
    type === BpfMapType.PERF_EVENT_ARRAY ||
    type === BpfMapType.CGROUP_ARRAY
  );
}

export function isPerCpuType(type: number): boolean {
  return (
    type === BpfMapType.PERCPU_HASH ||
    type === BpfMapType.LRU_PERCPU_HASH ||
    type === BpfMapType.PERCPU_ARRAY ||
    type === BpfMapType.PERCPU_CGROUP_STORAGE
  );
}

/** Its values have no keys: they are pushed, and popped or asked for. */
export function isContainer(type: number): boolean {
  return type === BpfMapType.QUEUE || type === BpfMapType.STACK || type === BpfMapType.BLOOM_FILTER;
}

/** Its values hang on objects of the kernel: sockets, tasks, control groups, inodes. */
export function isLocalStorage(type: number): boolean {
  return (
    type === BpfMapType.SK_STORAGE ||
    type === BpfMapType.TASK_STORAGE ||
    type === BpfMapType.CGRP_STORAGE ||
    type === BpfMapType.INODE_STORAGE
  );
}

/** Its values are sockets: offsets of them. */
export function isSocketMap(type: number): boolean {
  return (
    type === BpfMapType.SOCKMAP || type === BpfMapType.SOCKHASH || type === BpfMapType.REUSEPORT_SOCKARRAY
  );
}

/** Its values are what XDP redirects packets to: devices, CPUs, sockets. */
export function isRedirectMap(type: number): boolean {
  return isDeviceMap(type) || type === BpfMapType.CPUMAP || type === BpfMapType.XSKMAP;
}

/** Programs may look at its values, and not write them. */
export function isDeviceMap(type: number): boolean {
  return type === BpfMapType.DEVMAP || type === BpfMapType.DEVMAP_HASH;
}

/** Its values belong to programs on cgroups, and are there as long as such a program is. */
export function isCgroupStorage(type: number): boolean {
  return type === BpfMapType.CGROUP_STORAGE || type === BpfMapType.PERCPU_CGROUP_STORAGE;
}

/** Up to the next multiple of 8. */
export function rounded(size: number): number {
  return Math.ceil(size / 8) * 8;
}

/** Bytes from one value of an array to the next. */
export function arrayStride(shape: MapShape): number {
  return isObjectArray(shape.type) || isSocketMap(shape.type) ? 4 : rounded(shape.valueSize);
}

/**
 * An element of a hash table.
 *
 * ```text
 *  +------+------+--------------------+-----------------------------------------------+-----------+
 *  | next | hash | key, rounded to 8  | value, rounded to 8; per-CPU: value of CPU 0, | LRU: node |
 *  |      |      |                    | bytes to that of the next CPU                 |           |
 *  +------+------+--------------------+-----------------------------------------------+-----------+
 * ```
 *
 * `next` is the next element of the bucket, or 0. In a free element `hash` is the next free one, and `next` stays as it
 * was, so that a reader that stands on the element finds its way on.
 */
export const ElementField = { NEXT: 0, HASH: 4, KEY: 8 } as const;

/**
 * A node of a trie. Who walks may stand on one that was taken out: it stays as it is until every executor has passed a
 * quiescent point.
 *
 * ```text
 *  +-------+------+-----------+---------------+-------+--------------------+---------------------+
 *  | epoch | next | two nodes | prefix length | flags | data, rounded to 8 | value, rounded to 8 |
 *  |       |      | behind it | in bits       |       |                    |                     |
 *  +-------+------+-----------+---------------+-------+--------------------+---------------------+
 * ```
 *
 * `next` and `epoch` are those of a node in limbo; `next` links free ones, too.
 */
export const TrieNode = {
  EPOCH: 0,
  NEXT: 4,
  CHILDREN: 8,
  PREFIX: 16,
  FLAGS: 20,
  DATA: 24,
  INTERMEDIATE: 1,
} as const;

/** Bytes of a trie's key before its data: `prefixlen` of `struct bpf_lpm_trie_key_u8`. */
export const TRIE_KEY_DATA = 4;

/** Where the value of an element lies, or for per-CPU types the offset of CPU 0's. */
export function valueAt(shape: MapShape): number {
  if (shape.type === BpfMapType.LPM_TRIE) return TrieNode.DATA + rounded(shape.keySize - TRIE_KEY_DATA);
  return ElementField.KEY + rounded(shape.keySize);
}

/** Where the node of an element of an LRU table lies. */
export function nodeAt(shape: MapShape): number {
  return valueAt(shape) + (isPerCpuType(shape.type) ? 8 : rounded(shape.valueSize));
}

export function elementSize(shape: MapShape): number {
  return nodeAt(shape) + (isLruType(shape.type) ? LruNode.SIZE : 0);
}
