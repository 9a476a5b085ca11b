import { BpfMapType } from "../uapi/index.ts";
import type { MapSpec } from "./spec.ts";

/** A map with everything but its kind left at what it is where nobody says anything. */
export const PLAIN_MAP: Omit<MapSpec, "name" | "type"> = {
  keySize: 0,
  valueSize: 0,
  maxEntries: 0,
  flags: 0,
  numaNode: null,
  mapExtra: 0n,
  pinning: 0,
  keyTypeId: 0,
  valueTypeId: 0,
  inner: null,
  slots: [],
  contents: null,
  section: null,
  freeze: false,
  autocreate: true,
  structOps: null,
};

/** A map of the object with where it is declared: what relocations refer to. */
export interface PlacedMap {
  /** Its key in `ObjectSpec.maps`. */
  readonly key: string;
  readonly spec: MapSpec;
  /** Index of the section that declares it. */
  readonly section: number;
  /** In the section, in bytes. */
  readonly offset: number;
  readonly size: number;
}

export function isMapOfMaps(type: number): boolean {
  return type === BpfMapType.ARRAY_OF_MAPS || type === BpfMapType.HASH_OF_MAPS;
}

/** What the kernel says where it maps memory: ring buffers have whole pages, a power of two of them. */
const PAGE_SIZE = 4096;

/** The size a ring buffer gets for the one asked for (`adjust_ringbuf_sz`); 0 stays, for the kernel to refuse. */
export function ringSize(size: number): number {
  if (size === 0) return 0;
  let pages = 1;
  while (pages * PAGE_SIZE < size) pages *= 2;
  return pages * PAGE_SIZE > 0xffff_ffff ? size : pages * PAGE_SIZE;
}
