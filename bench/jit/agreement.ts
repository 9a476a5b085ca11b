import type { Contender } from "./contender.ts";
import { variantsOf } from "./packets.ts";
import type { BenchProgram } from "./programs.ts";

/** Runs in one go, after those on single packets: what a run leaves in maps is there for the next. */
const IN_ONE_GO = 3;

/**
 * Runs a program with all engines on the same packets, and compares results and, in the end, maps.
 *
 * @returns where two of them differ; null where none do.
 */
export function disagreement(program: BenchProgram, contenders: readonly Contender[]): string | null {
  const [first, ...others] = contenders;
  if (first === undefined) return null;
  for (const [index, packet] of variantsOf(program.packet, 99).entries()) {
    for (const count of index === 0 ? [1, IN_ONE_GO] : [1]) {
      const expected = first.run(packet, count);
      for (const other of others) {
        const got = other.run(packet, count);
        if (got === expected) continue;
        return `packet ${index}: ${first.engine} gives ${expected}, ${other.engine} ${got}`;
      }
    }
  }
  return differentMaps(contenders);
}

function differentMaps(contenders: readonly Contender[]): string | null {
  const [first, ...others] = contenders.filter((contender) => contender.maps() !== null);
  if (first === undefined) return null;
  for (const [name, expected] of first.maps()!) {
    for (const other of others) {
      const got = other.maps()!.get(name) ?? [];
      const at = expected.findIndex((element, i) => element !== got[i]);
      if (at < 0 && got.length === expected.length) continue;
      const i = Math.max(at, 0);
      return `map ${name}: ${first.engine} has ${expected[i]}, ${other.engine} ${got[i]}`;
    }
  }
  return null;
}
