import { BpfMapType as M } from "../uapi/index.ts";
import type { KernelRelease } from "./releases/release.ts";
import { hasSince, mapTypeSince } from "./releases/since.ts";

/** Kinds of special fields in values (`enum btf_field_type`), as far as a map's type decides about them. */
export type MapFieldKind = "spinLock" | "timer" | "kptr" | "uptr" | "graphRoot";

/**
 * What BTF may say of a map's key (`map_check_btf` of the type):
 *
 * - `any`: nothing but its size counts, and it must be there.
 * - `none`: such maps have no types at all.
 * - `int32`: an integer of 32 bits.
 * - `int32OrSection`: the same, or no key where the value is a data section.
 * - `struct`: a struct.
 * - `cgroup`: an id of 64 bits, or a struct of that and an attach type.
 * - `void`: there is no key.
 * - `optional`: there may be one.
 */
export type KeyType = "any" | "none" | "int32" | "int32OrSection" | "struct" | "cgroup" | "void" | "optional";

/** What Linux 6.18 says about a map type besides the sizes that it takes. */
export interface MapTraits {
  /** What its creator must have: nothing where unprivileged BPF is enabled, CAP_BPF, or CAP_NET_ADMIN besides. */
  readonly right: "none" | "bpf" | "netAdmin";
  readonly key: KeyType;
  /** Addresses in the value stand in instructions (`map_direct_value_addr`): of the only element, or anywhere. */
  readonly directValue: "single" | "anywhere" | null;
  /** bpf_for_each_map_elem walks it. */
  readonly forEach: boolean;
  /** Programs that sleep may use it. */
  readonly sleepable: boolean;
  /** A lookup with a constant key inside the bounds is never null (`can_elide_value_nullness`). */
  readonly neverNull: boolean;
  readonly fields: ReadonlySet<MapFieldKind>;
}

const NO_FIELDS: ReadonlySet<MapFieldKind> = new Set();
const ELEMENT_FIELDS: ReadonlySet<MapFieldKind> = new Set(["spinLock", "timer", "kptr", "graphRoot"]);
const PERCPU_FIELDS: ReadonlySet<MapFieldKind> = new Set(["kptr"]);
const STORAGE_FIELDS: ReadonlySet<MapFieldKind> = new Set(["spinLock", "kptr"]);

function traits(right: MapTraits["right"], key: KeyType, rest: Partial<MapTraits> = {}): MapTraits {
  return {
    right,
    key,
    directValue: null,
    forEach: false,
    sleepable: false,
    neverNull: false,
    fields: NO_FIELDS,
    ...rest,
  };
}

const WALKED = { forEach: true, sleepable: true } as const;
const SLEEPABLE = { sleepable: true } as const;
const STORAGE = { sleepable: true, fields: STORAGE_FIELDS } as const;

/** What a release says of a type of maps, a value of `BpfMapType`; undefined where it has none. */
export function mapTraits(type: number, release: KernelRelease = "6.18"): MapTraits | undefined {
  const known = MAP_TRAITS.get(type);
  if (known === undefined || !hasSince(release, mapTypeSince(type))) return undefined;
  return release === "6.18" ? known : traitsIn61(type, known);
}

const NOT_SLEEPABLE_6_1: ReadonlySet<number> = new Set([M.QUEUE, M.STACK]);
const KPTRS_6_1: ReadonlySet<number> = new Set([M.HASH, M.LRU_HASH, M.ARRAY, M.PERCPU_ARRAY]);

function traitsIn61(type: number, now: MapTraits): MapTraits {
  const kinds = [...now.fields].filter(
    (kind) => kind === "spinLock" || kind === "timer" || (kind === "kptr" && KPTRS_6_1.has(type)),
  );
  return {
    ...now,
    sleepable: now.sleepable && !NOT_SLEEPABLE_6_1.has(type),
    neverNull: false,
    fields: new Set(kinds),
  };
}

/** Traits by `BpfMapType`, in 6.18. */
export const MAP_TRAITS: ReadonlyMap<number, MapTraits> = new Map<number, MapTraits>([
  [M.HASH, traits("none", "any", { ...WALKED, fields: ELEMENT_FIELDS })],
  [
    M.ARRAY,
    traits("none", "int32OrSection", {
      ...WALKED,
      directValue: "single",
      neverNull: true,
      fields: ELEMENT_FIELDS,
    }),
  ],
  [M.PROG_ARRAY, traits("none", "any")],
  [M.PERF_EVENT_ARRAY, traits("none", "none")],
  [M.PERCPU_HASH, traits("none", "any", { ...WALKED, fields: PERCPU_FIELDS })],
  [M.PERCPU_ARRAY, traits("none", "int32", { ...WALKED, neverNull: true, fields: PERCPU_FIELDS })],
  [M.STACK_TRACE, traits("bpf", "none")],
  [M.CGROUP_ARRAY, traits("none", "none")],
  [M.LRU_HASH, traits("bpf", "any", { ...WALKED, fields: new Set(["timer", "kptr", "graphRoot"]) })],
  [M.LRU_PERCPU_HASH, traits("bpf", "any", { ...WALKED, fields: PERCPU_FIELDS })],
  [M.LPM_TRIE, traits("bpf", "struct")],
  [M.ARRAY_OF_MAPS, traits("none", "none", SLEEPABLE)],
  [M.HASH_OF_MAPS, traits("none", "none", SLEEPABLE)],
  [M.DEVMAP, traits("netAdmin", "none")],
  [M.SOCKMAP, traits("netAdmin", "none")],
  [M.CPUMAP, traits("bpf", "none")],
  [M.XSKMAP, traits("netAdmin", "none")],
  [M.SOCKHASH, traits("netAdmin", "none")],
  [M.CGROUP_STORAGE, traits("none", "cgroup", { fields: new Set(["spinLock"]) })],
  [M.REUSEPORT_SOCKARRAY, traits("bpf", "any")],
  [M.PERCPU_CGROUP_STORAGE, traits("none", "cgroup")],
  [M.QUEUE, traits("bpf", "any", SLEEPABLE)],
  [M.STACK, traits("bpf", "any", SLEEPABLE)],
  [M.SK_STORAGE, traits("bpf", "int32", STORAGE)],
  [M.DEVMAP_HASH, traits("netAdmin", "none")],
  [M.STRUCT_OPS, traits("bpf", "any")],
  [M.RINGBUF, traits("none", "any", SLEEPABLE)],
  [M.INODE_STORAGE, traits("bpf", "int32", STORAGE)],
  [M.TASK_STORAGE, traits("bpf", "int32", { ...STORAGE, fields: new Set(["spinLock", "kptr", "uptr"]) })],
  [M.BLOOM_FILTER, traits("bpf", "void")],
  [M.USER_RINGBUF, traits("none", "any", SLEEPABLE)],
  [M.CGRP_STORAGE, traits("bpf", "int32", STORAGE)],
  [M.ARENA, traits("bpf", "optional", { ...SLEEPABLE, directValue: "anywhere" })],
]);
