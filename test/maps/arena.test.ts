import { describe, expect, it } from "vitest";
import { ArenaField, type ArenaPages } from "../../src/maps/index.ts";
import { createKernelMemory } from "../../src/mem/index.ts";
import { tryCreate } from "./support.ts";

const PAGE = 4096;

function arena(pages: number): ArenaPages {
  const memory = createKernelMemory({ maximumPages: 256 });
  const storage = tryCreate(memory, {
    type: 33,
    keySize: 0,
    valueSize: 0,
    maxEntries: pages,
    flags: 1 << 10,
    extra: 0x1_0000_f000n,
  });
  if (typeof storage === "number" || storage.arena === null) throw new Error("expected an arena");
  return storage.arena;
}

describe("pages of an arena", () => {
  it("are numbered by the low half of their addresses", () => {
    const sut = arena(8);
    expect(sut.userHigh).toBe(1);
    expect(sut.lowOf(0)).toBe(0xf000);
    expect(sut.pageOf(0xf000)).toBe(0);
    expect(sut.pageOf(0xf000 + 7 * PAGE + 5)).toBe(7);
    expect(sut.pageOf(0xe000)).toBeGreaterThanOrEqual(8);
  });

  it("come from the smallest range that is large enough, of equal ones the last", () => {
    const sut = arena(16);
    expect(sut.allocate(-1, 16)).toBe(0);
    expect(sut.allocate(-1, 1)).toBe(-1);
    sut.release(1, 4);
    sut.release(7, 2);
    sut.release(12, 2);
    expect(sut.allocate(-1, 2)).toBe(12);
    expect(sut.allocate(-1, 2)).toBe(7);
    expect(sut.allocate(-1, 2)).toBe(1);
  });

  it("join where they are given back side by side", () => {
    const sut = arena(8);
    sut.allocate(-1, 8);
    sut.release(2, 1);
    sut.release(4, 1);
    expect(sut.allocate(-1, 2)).toBe(-1);
    sut.release(3, 1);
    expect(sut.allocate(-1, 3)).toBe(2);
  });

  it("are there once they are taken, and zeros", () => {
    const sut = arena(4);
    expect(sut.reserve(1, 1)).toBe(1);
    expect(sut.isPresent(1)).toBe(false);
    expect(sut.allocate(1, 1)).toBe(-1);
    sut.release(1, 1);
    expect(sut.allocate(1, 1)).toBe(1);
    expect(sut.isPresent(1)).toBe(true);
    expect(ArenaField.BYTES).toBeGreaterThan(ArenaField.CAST_HIGH);
  });
});
