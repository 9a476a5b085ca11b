import { Random } from "../random.ts";
import { CPUS, MAPS, type MapName, PACKET } from "./program.ts";

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
}

/** Follows from the seed and the program's number alone. */
export function inputsOf(seed: number, index: number, count: number): Inputs {
  const random = new Random("engine inputs", seed, index);
  const elements: Element[] = [];
  for (const { name, keySize, valueSize, maxEntries } of MAPS) {
    if (name === "jumps") continue;
    const array = name !== "table" && name !== "places";
    const perCpu = name === "counts" || name === "places";
    for (let number = 0; number < maxEntries; number++) {
      if (!array && random.oneIn(2)) continue;
      const key = new Uint8Array(keySize);
      key[0] = number;
      const length = perCpu ? Math.ceil(valueSize / 8) * 8 * CPUS : valueSize;
      elements.push({
        map: name,
        key,
        value: name === "out" ? new Uint8Array(length) : bytes(random, length),
      });
    }
  }
  return { elements, packets: Array.from({ length: count }, () => bytes(random, PACKET)) };
}

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
