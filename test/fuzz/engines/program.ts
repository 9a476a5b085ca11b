import type { Insn } from "../../../src/isa/index.ts";
import { BpfMapFlag, BpfMapType } from "../../../src/uapi/index.ts";

/** A map that every program may use. */
export interface FuzzMap {
  readonly name: string;
  readonly type: BpfMapType;
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
  /** `BPF_F_*`; none unless told. */
  readonly flags?: number;
  /** What its values are, where they have special fields: a struct of `TYPES`. */
  readonly value?: string;
  /** `map_extra`; 0 unless told. */
  readonly extra?: bigint;
  /** Only engines have it, and no other kernel: programs for one leave it alone. */
  readonly own?: true;
}

/** Where user space has the arena's first page: so that it begins at the end of the low 32 bits' first half. */
const ARENA_START = 0x1000_7fff_f000n;
/** Pages of the arena, and how many of them are there when a program begins: the others are holes. */
export const ARENA_PAGES = 3;
export const ARENA_PRESENT = 2;
/** The low half of the arena's address. */
export const ARENA_LOW: number = Number(ARENA_START & 0xffff_ffffn);

/** Programs name maps by their index here: in `imm` of wide loads of a map, or of a map's value. */
export const MAPS = [
  { name: "cells", type: BpfMapType.ARRAY, keySize: 4, valueSize: 64, maxEntries: 4 },
  { name: "table", type: BpfMapType.HASH, keySize: 8, valueSize: 24, maxEntries: 6 },
  { name: "counts", type: BpfMapType.PERCPU_ARRAY, keySize: 4, valueSize: 16, maxEntries: 3 },
  { name: "places", type: BpfMapType.PERCPU_HASH, keySize: 4, valueSize: 16, maxEntries: 5 },
  // Programs have the address of its only value in their code: Linux gives that of arrays of one element alone.
  { name: "globals", type: BpfMapType.ARRAY, keySize: 4, valueSize: 64, maxEntries: 1 },
  { name: "out", type: BpfMapType.ARRAY, keySize: 4, valueSize: 256, maxEntries: 1 },
  { name: "jumps", type: BpfMapType.PROG_ARRAY, keySize: 4, valueSize: 4, maxEntries: 4 },
  { name: "recent", type: BpfMapType.LRU_HASH, keySize: 8, valueSize: 16, maxEntries: 4, own: true },
  { name: "hot", type: BpfMapType.LRU_PERCPU_HASH, keySize: 4, valueSize: 16, maxEntries: 3, own: true },
  { name: "line", type: BpfMapType.QUEUE, keySize: 0, valueSize: 16, maxEntries: 3, own: true },
  { name: "pile", type: BpfMapType.STACK, keySize: 0, valueSize: 8, maxEntries: 3, own: true },
  { name: "seen", type: BpfMapType.BLOOM_FILTER, keySize: 0, valueSize: 8, maxEntries: 8, own: true },
  {
    name: "guarded",
    type: BpfMapType.ARRAY,
    keySize: 4,
    valueSize: 72,
    maxEntries: 1,
    value: "struct guarded",
    own: true,
  },
  {
    name: "accounts",
    type: BpfMapType.HASH,
    keySize: 4,
    valueSize: 24,
    maxEntries: 4,
    value: "struct account",
    own: true,
  },
  {
    name: "arena",
    type: BpfMapType.ARENA,
    keySize: 0,
    valueSize: 0,
    maxEntries: ARENA_PAGES,
    flags: BpfMapFlag.MMAPABLE,
    extra: ARENA_START,
    own: true,
  },
] as const satisfies readonly FuzzMap[];

export type MapName = (typeof MAPS)[number]["name"];

export function mapIndex(name: MapName): number {
  return MAPS.findIndex((map) => map.name === name);
}

/** Of the map `jumps`. */
export const SLOTS = 4;

/** Bytes of the packet that a run is given: programs may access all of them. */
export const PACKET = 64;

/** CPUs that per-CPU maps have, and the one that programs run as: not the first, whose values lie at the start. */
export const CPUS = 2;
export const CPU = 1;

/** `struct xdp_md`: where programs find the packet. */
export const XdpField = { DATA: 0, DATA_END: 4 } as const;

/** One program: all its functions. */
export interface FuzzCode {
  readonly insns: readonly Insn[];
  /** First slot of the function that catches what it throws; 0 where there is none. */
  readonly catcher: number;
}

/**
 * What a program is: one of type XDP, or one that a system call runs, which may sleep. The context of such a one is the
 * bytes that are the packet of the other.
 */
export type FuzzType = "xdp" | "syscall";

/**
 * Programs as a user would load them. All begin with the two loads of the packet's start and end into r2 and
 * r3, in slots 0 and 1: those are what engines get rewritten. Calls of kfuncs have their index in `KFUNCS`.
 */
export interface FuzzProgram {
  readonly type: FuzzType;
  readonly main: FuzzCode;
  /** What the slots of the map `jumps` hold before the first run, as far as there are any; the last one stays empty. */
  readonly tails: readonly FuzzCode[];
}

/** All of them, the one that runs first. */
export function allOf({ main, tails }: FuzzProgram): readonly FuzzCode[] {
  return [main, ...tails];
}
