import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bytesAt, type MemoryArray, wordsAt } from "../../gen/btf-dump/expressions.ts";
import type { DumpMemory } from "../../gen/btf-dump/memory.ts";
import { emitNameOrder } from "../../gen/btf-dump/name-order.ts";
import { utf8 } from "../../src/base/index.ts";
import { ModuleBuilder } from "../../src/wasm/index.ts";

const STRINGS = 0x10000;
const NAMED = 0x20000;
const SORT_NAMES = 0x21000;
const PLACES = 0x22000;
const RANGES = 0x23000;

/** The emitted function, on a memory of its own. */
function emitted(): { memory: WebAssembly.Memory; orderNames: (count: number) => number } {
  const m = new ModuleBuilder({ check: true });
  m.importMemory("host", "memory", { min: 1 });
  const arrays: Record<string, MemoryArray> = {
    strings: bytesAt(STRINGS),
    named: wordsAt(NAMED),
    sortNames: wordsAt(SORT_NAMES),
    ownPlaces: wordsAt(PLACES),
    ranges: wordsAt(RANGES),
  };
  m.export("order_names", emitNameOrder(m, arrays as unknown as DumpMemory));
  const memory = new WebAssembly.Memory({ initial: 4 });
  const { exports } = new WebAssembly.Instance(
    new WebAssembly.Module(m.finish() as Uint8Array<ArrayBuffer>),
    {
      host: { memory },
    },
  );
  return { memory, orderNames: exports["order_names"] as (count: number) => number };
}

const { memory, orderNames } = emitted();

function places(texts: readonly string[]): { order: number[]; places: number[]; last: number } {
  const words = (address: number) => new Uint32Array(memory.buffer, address, texts.length);
  new Uint8Array(memory.buffer).fill(0);
  new Uint8Array(memory.buffer).set(utf8(`\0${texts.join("\0")}\0`), STRINGS);
  let offset = 1;
  texts.forEach((text, i) => {
    words(SORT_NAMES)[i] = offset;
    words(NAMED)[i] = i;
    offset += utf8(text).length + 1;
  });
  const last = orderNames(texts.length);
  return { order: [...words(NAMED)], places: [...words(PLACES)], last };
}

describe("order_names", () => {
  it("gives equal names one place", () => {
    expect(places(["b", "a", "ab", "b", "a"])).toMatchObject({ places: [3, 1, 2, 3, 1], last: 3 });
    expect(places([])).toEqual({ order: [], places: [], last: 0 });
  });

  it("sorts by bytes, whatever names share", () => {
    const name = fc.oneof(
      fc.string({ unit: fc.constantFrom("a", "b", "_", "é"), maxLength: 6 }),
      fc.string({ unit: fc.constantFrom("x", "y"), minLength: 10, maxLength: 14 }),
    );
    fc.assert(
      fc.property(fc.array(name, { maxLength: 200 }), (texts) => {
        const found = places(texts);
        const distinct = [...new Set(texts)].sort((left, right) => Buffer.compare(utf8(left), utf8(right)));
        expect(found.places).toEqual(texts.map((text) => distinct.indexOf(text) + 1));
        expect(found.order.map((i) => texts[i])).toEqual(
          distinct.flatMap((text) => texts.filter((each) => each === text)),
        );
        expect(found.last).toBe(distinct.length);
      }),
    );
  });
});
