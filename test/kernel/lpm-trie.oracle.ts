import fc from "fast-check";
import { afterAll, expect, it } from "vitest";
import { BpfMapFlag, BpfMapType } from "../../src/uapi/index.ts";
import { describeWith, liveKernel } from "../support/referee.ts";
import { ElementProgram } from "./element-program.ts";
import { type Pair, room, Twins } from "./twins.ts";

const NO_PREALLOC = BpfMapFlag.NO_PREALLOC;

/** A key: a prefix length, and data of which few bits vary, so that keys meet. */
function trieKey(prefix: number, bits: number, size: number): Uint8Array {
  const bytes = new Uint8Array(4 + size);
  new DataView(bytes.buffer).setUint32(0, prefix, true);
  for (let i = 0; i < size; i++)
    bytes[4 + i] = [0, 0x80, 0xff, 0x01, 0xc0, 0x0f][(bits + (i === size - 1 ? bits >> 3 : 0)) % 6]!;
  return bytes;
}

describeWith([liveKernel("6.18")], "tries of prefixes as Linux", async () => {
  const twins = await Twins.meet();
  afterAll(() => twins[Symbol.dispose]());
  const make = (dataSize: number, maxEntries: number, more: Record<string, number> = {}) =>
    twins.mustOpen("MAP_CREATE", {
      mapType: BpfMapType.LPM_TRIE,
      keySize: 4 + dataSize,
      valueSize: 8,
      maxEntries,
      mapFlags: NO_PREALLOC,
      ...more,
    });

  it("are made by its rules", () => {
    const base = {
      mapType: BpfMapType.LPM_TRIE,
      keySize: 8,
      valueSize: 8,
      maxEntries: 2,
      mapFlags: NO_PREALLOC,
    };
    const attempts: Record<string, number>[] = [];
    for (const keySize of [0, 1, 4, 5, 6, 259, 260, 261]) attempts.push({ keySize });
    for (const valueSize of [
      0,
      1,
      3,
      (4 << 20) - 256 - 40,
      (4 << 20) - 256 - 39,
      (4 << 20) - 256 - 24,
      (4 << 20) - 256 - 23,
    ]) {
      attempts.push({ valueSize });
    }
    for (const maxEntries of [0, 1, 0xffff_ffff]) attempts.push({ maxEntries });
    for (let bit = 0; bit < 20; bit++) {
      if (1 << bit !== BpfMapFlag.NUMA_NODE)
        attempts.push({ mapFlags: NO_PREALLOC | (1 << bit) }, { mapFlags: 1 << bit });
    }
    for (const fields of attempts) {
      const map = twins.open("MAP_CREATE", { ...base, ...fields });
      if (map !== null) twins.close(map);
    }
    expect(twins.taken()).toEqual([]);
  });

  const walk = (mapFd: Pair, keySize: number) => {
    let key: Uint8Array | bigint = 0n;
    for (let steps = 0; steps < 100; steps++) {
      const { result, buffers } = twins.call("MAP_GET_NEXT_KEY", { mapFd, key, nextKey: room(keySize) });
      if (result !== 0) return;
      key = buffers["nextKey"]![0];
    }
  };

  it("find, keep and order the prefixes that Linux does", () => {
    const step = fc.record({
      what: fc.constantFrom(
        "update",
        "update",
        "update",
        "update",
        "lookup",
        "lookup",
        "delete",
        "next",
        "take",
      ),
      prefix: fc.integer({ min: 0, max: 33 }),
      bits: fc.nat(63),
      flags: fc.constantFrom(0n, 0n, 0n, 1n, 2n, 3n, 4n, 1n << 32n),
    });
    const kinds = fc.record({
      size: fc.constantFrom(1, 2, 3, 4, 4, 5, 7, 8, 13, 16, 33, 47, 256),
      entries: fc.constantFrom(1, 4, 20, 100),
      steps: fc.array(step, { maxLength: 120 }),
    });
    fc.assert(
      fc.property(kinds, ({ size, entries, steps }) => {
        const mapFd = make(size, entries);
        for (const { what, prefix, bits, flags } of steps) {
          const length = size < 5 ? prefix : Math.round((prefix * 8 * size) / 32);
          const key = trieKey(length, bits, size);
          const value = new Uint8Array(8).fill(bits + prefix);
          if (what === "update") twins.call("MAP_UPDATE_ELEM", { mapFd, key, value, flags });
          else if (what === "lookup") twins.call("MAP_LOOKUP_ELEM", { mapFd, key, value: room(8) });
          else if (what === "delete") twins.call("MAP_DELETE_ELEM", { mapFd, key });
          else if (what === "take") twins.call("MAP_LOOKUP_AND_DELETE_ELEM", { mapFd, key, value: room(8) });
          else twins.call("MAP_GET_NEXT_KEY", { mapFd, key, nextKey: room(4 + size) });
        }
        walk(mapFd, 4 + size);
        twins.close(mapFd);
        expect(twins.taken()).toEqual([]);
      }),
      { numRuns: 300, seed: 7 },
    );
  });

  it("do the same for programs", () => {
    const mapFd = make(4, 50);
    const program = new ElementProgram(twins, mapFd);
    let state = 99;
    const random = (below: number) => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
      return Math.floor((state / 2 ** 32) * below);
    };
    for (let i = 0; i < 3000; i++) {
      const key = new DataView(trieKey(random(34), random(64), 4).buffer).getBigUint64(0, true);
      const dice = random(10);
      if (dice < 4) program.run("update", { key, value: BigInt(i), flags: BigInt(random(4)) });
      else if (dice < 8) program.run("lookup", { key });
      else program.run("delete", { key });
    }
    walk(mapFd, 8);
    program.close();
    twins.close(mapFd);
    expect(twins.taken()).toEqual([]);
  });

  it("are read and written in batches", () => {
    const mapFd = make(4, 8);
    const keys = new Uint8Array(8 * 5);
    for (let i = 0; i < 5; i++) keys.set(trieKey(4 * i, 13 * i, 4), 8 * i);
    for (const count of [5, 0, 3]) twins.call("MAP_UPDATE_BATCH", { mapFd, keys, values: room(40), count });
    for (const count of [2, 5, 9]) {
      const arrays = { keys: room(80), values: room(80), outBatch: room(8), count };
      const { buffers } = twins.call("MAP_LOOKUP_BATCH", { mapFd, ...arrays });
      twins.call("MAP_LOOKUP_BATCH", { mapFd, ...arrays, inBatch: buffers["outBatch"]![0] });
      twins.call("MAP_LOOKUP_AND_DELETE_BATCH", { mapFd, ...arrays });
    }
    for (const count of [3, 5]) twins.call("MAP_DELETE_BATCH", { mapFd, keys, count });
    walk(mapFd, 8);
    twins.close(mapFd);
    expect(twins.taken()).toEqual([]);
  });

  it("are frozen, and read or written only", () => {
    for (const mapFlags of [0, BpfMapFlag.RDONLY, BpfMapFlag.WRONLY, BpfMapFlag.RDONLY_PROG]) {
      const mapFd = make(4, 3, { mapFlags: NO_PREALLOC | mapFlags });
      const key = trieKey(8, 3, 4);
      for (let again = 0; again < 2; again++) {
        twins.call("MAP_UPDATE_ELEM", { mapFd, key, value: room(8) });
        twins.call("MAP_LOOKUP_ELEM", { mapFd, key, value: room(8) });
        twins.call("MAP_DELETE_ELEM", { mapFd, key });
        twins.call("MAP_FREEZE", { mapFd });
      }
      twins.close(mapFd);
    }
    expect(twins.taken()).toEqual([]);
  });
});
