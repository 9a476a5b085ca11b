import type { KernelMemory } from "../mem/index.ts";

/**
 * What an LRU map keeps of its elements beside their table (kernel/bpf/bpf_lru_list.h): every element is in one list.
 *
 * ```text
 *  common LRU                                          with BPF_F_NO_COMMON_LRU
 *  +---------------------+-------------------------+   +------------------------+
 *  | LruList: active,    | LocalList for each CPU: |   | LruList for each CPU   |
 *  | inactive, free      | free, pending           |   |                        |
 *  +---------------------+-------------------------+   +------------------------+
 * ```
 *
 * A list is a ring through its head: words for the one before and the one behind, in a head and in a node alike.
 */
export const LruList = {
  LOCK: 0,
  /** Where the rotation of the inactive list goes on: a node or the list's head. */
  ROTATION: 4,
  /** Nodes in the active and inactive lists, a word each, by type. */
  COUNTS: 8,
  /** Heads of the active, inactive and free lists, by type. */
  HEADS: 24,
} as const;

/** What a CPU has at hand without the common list's lock. */
export const LocalList = {
  LOCK: 0,
  /** The CPU to steal from next. */
  STEAL: 4,
  FREE: 8,
  PENDING: 16,
} as const;

/** A list of either kind has cache lines of its own. */
export const LRU_STRIDE = 64;

export const LINK_SIZE = 8;

/** Words of a head, and of a node. */
export const Link = { BEFORE: 0, BEHIND: 4 } as const;

/** `struct bpf_lru_node`, behind the value in an element. */
export const LruNode = {
  ...Link,
  /** One byte: a {@link NodeType}. */
  TYPE: 8,
  /** One byte: whether a program has used it since somebody last looked. Who sets it holds no lock. */
  REF: 9,
  /** Two bytes: whose list it is in. */
  CPU: 10,
  SIZE: 16,
} as const;

/** Which list a node is in (`enum bpf_lru_list_type`). */
export const NodeType = { ACTIVE: 0, INACTIVE: 1, FREE: 2, LOCAL_FREE: 3, LOCAL_PENDING: 4 } as const;

/** `LOCAL_FREE_TARGET`, and as many nodes are looked at in one go. */
export const LOCAL_TARGET = 128;

/** `PERCPU_FREE_TARGET` */
export const PER_CPU_TARGET = 4;

/** Bytes of the lists. */
export function lruSize(common: boolean, cpus: number): number {
  return LRU_STRIDE * (common ? 1 + cpus : cpus);
}

/** Nodes that a CPU takes from the common list at once (`bpf_common_lru_populate`). */
export function lruTarget(entries: number, cpus: number): number {
  return Math.min(Math.max(Math.floor(Math.floor(entries / cpus) / 2), 1), LOCAL_TARGET);
}

/** Entries that a map has which was asked for so many: with lists for each CPU, the same number in each. */
export function lruEntries(asked: number, common: boolean, cpus: number): number {
  const whole = Math.ceil(asked / cpus) * cpus;
  if (common) return asked;
  return whole > 0xffff_ffff ? Math.floor(asked / cpus) * cpus : whole;
}

/** Where the elements of a new map are. */
interface Elements {
  /** Offset of the first node, and from one to the next. */
  readonly first: number;
  readonly stride: number;
  readonly count: number;
}

/** Lists that are all empty but for the free ones, which have all elements (`bpf_lru_init`, `bpf_lru_populate`). */
export function fillLruLists(
  memory: KernelMemory,
  at: number,
  { common, cpus }: { readonly common: boolean; readonly cpus: number },
  elements: Elements,
): void {
  const words = memory.words();
  const empty = (head: number) => {
    words[(head + Link.BEFORE) >>> 2] = head;
    words[(head + Link.BEHIND) >>> 2] = head;
  };
  for (let list = at; list < at + (common ? 1 : cpus) * LRU_STRIDE; list += LRU_STRIDE) {
    for (const type of [NodeType.ACTIVE, NodeType.INACTIVE, NodeType.FREE]) empty(headOf(list, type));
    words[(list + LruList.ROTATION) >>> 2] = headOf(list, NodeType.INACTIVE);
  }
  for (let cpu = 0; common && cpu < cpus; cpu++) {
    const local = at + (1 + cpu) * LRU_STRIDE;
    empty(local + LocalList.FREE);
    empty(local + LocalList.PENDING);
    words[(local + LocalList.STEAL) >>> 2] = cpu;
  }
  const share = common ? elements.count : elements.count / cpus;
  for (let i = 0, node = elements.first; i < elements.count; i++, node += elements.stride) {
    const cpu = common ? 0 : Math.floor(i / share);
    const head = headOf(at + cpu * LRU_STRIDE, NodeType.FREE);
    const first = words[(head + Link.BEHIND) >>> 2]!;
    words[(node + LruNode.BEFORE) >>> 2] = head;
    words[(node + LruNode.BEHIND) >>> 2] = first;
    words[((first >>> 0) + Link.BEFORE) >>> 2] = node;
    words[(head + Link.BEHIND) >>> 2] = node;
    words[(node + LruNode.TYPE) >>> 2] = NodeType.FREE | (cpu << (8 * (LruNode.CPU - LruNode.TYPE)));
  }
}

function headOf(list: number, type: number): number {
  return list + LruList.HEADS + LINK_SIZE * type;
}
