import { BpfMapType } from "../../../src/uapi/index.ts";
import { Random } from "../random.ts";
import { ARENA_PRESENT, CPUS, type FuzzMap, MAPS, type MapName, PACKET, SLOTS } from "./program.ts";

export interface Element {
  readonly map: MapName;
  readonly key: Uint8Array;
  /** Of a per-CPU map: of all CPUs, one behind the other. */
  readonly value: Uint8Array;
}

/** What maps hold before the first run of a program, and the packets of its runs: each finds what the one before left. */
export interface Inputs {
  readonly elements: readonly Element[];
  readonly packets: readonly Uint8Array[];
  /** What is in the slots of the map `jumps`, by run: numbers of programs, the main one 0; negative ones for none. */
  readonly slots: readonly (readonly number[])[];
}

const PAGE = 4096;
/** Of each page of the arena, at both ends: so many bytes are not zero. */
const ARENA_BYTES = 64;
/** As the tails are numbered; the last one stays empty. */
const FIRST_SLOTS = [1, 2, 3, -1] as const;

/** Follows from the seed and the program's number alone. */
export function inputsOf(seed: number, index: number, count: number): Inputs {
  const random = new Random("engine inputs", seed, index);
  const elements: Element[] = [];
  for (const { name, keySize, valueSize, maxEntries, own } of MAPS as readonly FuzzMap[]) {
    if (name === "jumps" || own === true) continue;
    const array = name !== "table" && name !== "places";
    const perCpu = name === "counts" || name === "places";
    for (let number = 0; number < maxEntries; number++) {
      if (!array && random.oneIn(2)) continue;
      const key = new Uint8Array(keySize);
      key[0] = number;
      const length = perCpu ? Math.ceil(valueSize / 8) * 8 * CPUS : valueSize;
      elements.push({
        map: name as MapName,
        key,
        value: name === "out" ? new Uint8Array(length) : bytes(random, length),
      });
    }
  }
  const packets = Array.from({ length: count }, () => bytes(random, PACKET));
  elements.push(...ownElements(random));
  return { elements, packets, slots: packets.map((_, run) => slotsOf(random, run)) };
}

/** Slots change from run to run, every now and then. */
function slotsOf(random: Random, run: number): readonly number[] {
  if (run === 0 || random.oneIn(2)) return FIRST_SLOTS;
  return Array.from({ length: SLOTS }, () => random.below(5) - 1);
}

/** What the maps hold that other kernels do not have. */
function ownElements(random: Random): Element[] {
  const elements: Element[] = [];
  for (const { name, keySize, valueSize, maxEntries, type } of OWN) {
    for (let number = 0; number < maxEntries; number++) {
      if (random.oneIn(2)) continue;
      const key = new Uint8Array(keySize);
      if (keySize > 0) key[0] = number;
      const perCpu = type === BpfMapType.LRU_PERCPU_HASH;
      const value = bytes(random, perCpu ? valueSize * CPUS : valueSize);
      elements.push({ map: name, key, value });
    }
  }
  for (let page = 0; page < ARENA_PRESENT; page++) {
    for (const start of [page * PAGE, (page + 1) * PAGE - ARENA_BYTES]) {
      const key = new Uint8Array(Uint32Array.of(start).buffer);
      elements.push({ map: "arena", key, value: bytes(random, ARENA_BYTES) });
    }
  }
  return elements;
}

/** Maps with elements like others', and no special fields in their values. */
const OWN = MAPS.filter(({ name }) => ["recent", "hot", "line", "pile", "seen"].includes(name));

/** Numbers near which programs go wrong, of all sizes, and any bytes. */
function bytes(random: Random, length: number): Uint8Array {
  const content = new Uint8Array(length);
  const view = new DataView(content.buffer);
  for (let at = 0; at < length; at += 4) {
    const word = random.interesting();
    if (at + 4 <= length) view.setUint32(at, word, true);
    else content[at] = word;
    // Two halves of one number that is small, or negative.
    if (random.oneIn(4) && at % 8 === 0 && at + 8 <= length) {
      view.setUint32(at + 4, random.oneIn(2) ? 0 : 0xffff_ffff, true);
      at += 4;
    }
  }
  return content;
}
