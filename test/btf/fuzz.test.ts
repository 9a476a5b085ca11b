import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { TsbpfError } from "../../src/base/index.ts";
import { Btf, type BtfType, dumpC, dumpRawJson, dumpRawText } from "../../src/btf/index.ts";
import { everyKind, hasGolden, shared } from "./fixture.ts";

const SEEDS = [
  everyKind(),
  ...(hasGolden ? [shared("golden/raw/btf.bin"), shared("book/p29-first-ten-types.btf")] : []),
];

/** Runs, and lets only errors of ours pass. */
function tolerate(act: () => void): void {
  try {
    act();
  } catch (error) {
    if (!(error instanceof TsbpfError)) throw error;
  }
}

/** Overwrites of bytes and of whole words, most small as ids and offsets are, and a cut. */
const mutation = fc.record({
  seed: fc.nat(SEEDS.length - 1),
  bytes: fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 8 }),
  words: fc.array(fc.tuple(fc.nat(), fc.oneof(fc.nat(64), fc.integer())), { maxLength: 8 }),
  cut: fc.option(fc.nat(), { freq: 8 }),
});

describe("mutated BTF", () => {
  it("gives types or one of our errors, in bounded time", () => {
    fc.assert(
      fc.property(mutation, ({ seed, bytes, words, cut }) => {
        const source = SEEDS[seed]!;
        const data = source.slice(0, cut === null ? source.length : cut % source.length);
        const view = new DataView(data.buffer);
        for (const [at, value] of bytes) if (data.length > 0) data[at % data.length] = value;
        for (const [at, value] of words) {
          if (data.length >= 28) view.setInt32(24 + ((at % ((data.length - 24) >> 2)) << 2), value, true);
        }
        const start = performance.now();
        tolerate(() => {
          const btf = Btf.parse(data);
          const types: BtfType[] = [];
          for (let id = 0; id < btf.count; id++) {
            types.push(btf.type(id));
            btf.sizeOf(id);
            btf.alignOf(id);
          }
          dumpRawText(btf, () => {});
          tolerate(() => dumpRawJson(btf, () => {}));
          tolerate(() => dumpC(btf, () => {}));
          tolerate(() => dumpC(btf, () => {}, { sorted: false, bpftool: "7.1" }));
        });
        expect(performance.now() - start).toBeLessThan(5000);
      }),
      { numRuns: 1500 },
    );
  });
});
