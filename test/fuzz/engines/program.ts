import type { Insn } from "../../../src/isa/index.ts";
import { BpfMapType } from "../../../src/uapi/index.ts";

/** A map that every program may use. */
export interface FuzzMap {
  readonly name: string;
  readonly type: BpfMapType;
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
}

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
] as const satisfies readonly FuzzMap[];

export type MapName = (typeof MAPS)[number]["name"];

export function mapIndex(name: MapName): number {
  return MAPS.findIndex((map) => map.name === name);
}

/** Bytes of the packet that a run is given: programs may access all of them. */
export const PACKET = 64;

/** CPUs that per-CPU maps have, and the one that programs run as: not the first, whose values lie at the start. */
export const CPUS = 2;
export const CPU = 1;

/** `struct xdp_md`: where programs find the packet. */
export const XdpField = { DATA: 0, DATA_END: 4 } as const;

/**
 * Programs of type XDP as a user would load them. All begin with the two loads of the packet's start and end into r2 and
 * r3, in slots 0 and 1: those are what engines get rewritten.
 */
export interface FuzzProgram {
  readonly main: readonly Insn[];
  /** What the slots of the map `jumps` hold, as far as there are any; the last one stays empty. */
  readonly tails: readonly (readonly Insn[])[];
}

/** All of them, the one that runs first. */
export function allOf({ main, tails }: FuzzProgram): readonly (readonly Insn[])[] {
  return [main, ...tails];
}
