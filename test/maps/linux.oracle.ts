import fc from "fast-check";
import { expect, it } from "vitest";
import { checkMapAttributes, type MapAttributes } from "../../src/maps/index.ts";
import { BpfCommands, Errno as LinuxError } from "../../src/sys/index.ts";
import { BpfMapFlag, BpfMapType } from "../../src/uapi/index.ts";
import { livePort } from "../support/live-port.ts";
import { describeWith, liveKernel } from "../support/referee.ts";
import { attributes, hex, keyOf, patternOf, TestMap } from "./support.ts";

const { HASH, ARRAY, PROG_ARRAY, PERCPU_HASH, PERCPU_ARRAY, LRU_HASH, LRU_PERCPU_HASH } = BpfMapType;
const { port, why } = await livePort();

/** Bytes of a map that the live kernel may be asked to make. */
const AFFORDABLE = 1 << 20;

describeWith([liveKernel("6.18"), { present: port !== null, why: why ?? "" }], "maps as Linux", () => {
  const linux = new BpfCommands(port!);

  /** A descriptor, or a negative errno. */
  const create = ({ type, keySize, valueSize, maxEntries, flags }: MapAttributes): number =>
    attempt(() => linux.mapCreate({ mapType: type, keySize, valueSize, maxEntries, mapFlags: flags }));

  it("refuses the attributes that Linux refuses, with its errno", () => {
    // NUMA_NODE is left out: which nodes there are is the machine's.
    const bits = [0, 1, 2, 5, 6, 7, 8, 9, 10, 11, 12, 19, 30].map((bit) => 1 << bit);
    const attribute = fc.record({
      type: fc.constantFrom(HASH, ARRAY, PROG_ARRAY, PERCPU_HASH, PERCPU_ARRAY, LRU_HASH, LRU_PERCPU_HASH),
      keySize: fc.constantFrom(0, 1, 4, 4, 4, 8, 4 << 20, 0xffff_ffff),
      valueSize: fc.constantFrom(
        0,
        1,
        4,
        4,
        8,
        32768,
        32769,
        (4 << 20) - 53,
        (4 << 20) - 52,
        0x8000_0000,
        0xffff_ffff,
      ),
      maxEntries: fc.constantFrom(0, 1, 2, 7, 0x8000_0001, 0xffff_ffff),
      flags: fc
        .array(fc.constantFrom(...bits), { maxLength: 2 })
        .map((some) => some.reduce((a, b) => a | b, 0)),
    });
    fc.assert(
      fc.property(attribute, (wanted) => {
        const ours = checkMapAttributes(wanted);
        if (ours === 0 && (wanted.keySize + wanted.valueSize + 64) * wanted.maxEntries > AFFORDABLE) return;
        const theirs = create(wanted);
        if (theirs >= 0) linux.close(theirs);
        expect({ wanted, errno: ours }).toEqual({ wanted, errno: Math.min(0, theirs) });
      }),
      { numRuns: 3000 },
    );
  });

  const kinds = fc.record({
    type: fc.constantFrom(HASH, HASH, ARRAY),
    keySize: fc.constantFrom(1, 3, 4, 8, 13, 16, 40),
    valueSize: fc.constantFrom(1, 4, 7, 8, 12, 64, 200),
    maxEntries: fc.constantFrom(1, 2, 5, 20),
    flags: fc.constantFrom(0, BpfMapFlag.NO_PREALLOC),
  });
  const step = fc.record({
    what: fc.constantFrom("update", "update", "lookup", "delete", "next"),
    key: fc.nat(24),
    seed: fc.nat(255),
    // BPF_F_LOCK is refused by the system call itself.
    flags: fc.constantFrom(0, 0, 1, 2, 3, 8),
  });

  it("gives the results and errors that Linux gives for the same calls", () => {
    fc.assert(
      fc.property(kinds, fc.array(step, { maxLength: 60 }), (kind, steps) => {
        const array = kind.type === ARRAY;
        const wanted = attributes(array ? { ...kind, keySize: 4, flags: 0 } : kind);
        const mapFd = create(wanted);
        expect(mapFd).toBeGreaterThanOrEqual(0);
        try {
          const map = new TestMap(wanted);
          for (const { what, key: number, seed, flags } of steps) {
            const key = keyOf(number, wanted.keySize);
            const value = patternOf(seed, wanted.valueSize);
            let ours: number | string;
            let theirs: number | string;
            if (what === "update") {
              ours = map.update(key, value, flags);
              theirs = attempt(() => {
                linux.mapUpdateElem({ mapFd, key, value, flags });
                return 0;
              });
            } else if (what === "lookup") {
              ours = text(map.lookup(key));
              theirs = text(linux.mapLookupElem({ mapFd, key, userValueSize: wanted.valueSize }));
            } else if (what === "delete") {
              ours = map.delete(key);
              theirs = attempt(() => (linux.mapDeleteElem({ mapFd, key }) ? 0 : -2));
            } else if (array) {
              const next = map.nextKey(key);
              ours = typeof next === "number" ? "none" : hex(next);
              theirs = text(linux.mapGetNextKey({ mapFd, key }));
            } else {
              ours = map.keys().sort().join();
              const keys: string[] = [];
              let at = linux.mapGetNextKey({ mapFd, key: null, keySize: wanted.keySize });
              for (; at !== null; at = linux.mapGetNextKey({ mapFd, key: at })) keys.push(hex(at));
              theirs = keys.sort().join();
            }
            expect({ what, flags, result: ours }).toEqual({ what, flags, result: theirs });
          }
        } finally {
          linux.close(mapFd);
        }
      }),
      { numRuns: 200 },
    );
  });
});

function text(bytes: Uint8Array | null): string {
  return bytes === null ? "none" : hex(bytes);
}

function attempt(act: () => number): number {
  try {
    return act();
  } catch (error) {
    if (error instanceof LinuxError) return -error.errno;
    throw error;
  }
}
