import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { utf8 } from "../../../src/base/index.ts";
import { orderNames } from "../../../src/btf/dump/name-order.ts";

function places(texts: readonly string[]): { order: number[]; places: number[]; last: number } {
  const strings = utf8(`\0${texts.join("\0")}\0`);
  const names = new Uint32Array(texts.length);
  let offset = 1;
  texts.forEach((text, i) => {
    names[i] = offset;
    offset += utf8(text).length + 1;
  });
  const keys = Uint32Array.from(texts, (_, i) => i);
  const found = new Uint32Array(texts.length);
  const last = orderNames(strings, names, keys, found);
  return { order: [...keys], places: [...found], last };
}

describe("orderNames", () => {
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
