import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { entriesOf, MAP_HEADER_SIZE, MapField } from "../../src/maps/index.ts";
import { LINK_SIZE, Link, LocalList, LRU_STRIDE, LruList, LruNode } from "../../src/maps/lru-lists.ts";
import { BpfMapFlag, BpfMapType, Errno } from "../../src/uapi/index.ts";
import { attributes, CPUS, keyOf, patternOf, TestMap } from "./support.ts";

const { LRU_HASH, LRU_PERCPU_HASH } = BpfMapType;
const { NO_COMMON_LRU } = BpfMapFlag;

const lru = (type: number, flags: number, maxEntries: number) =>
  new TestMap(attributes({ type, flags, maxEntries }));

/** Heads of all lists of a map, each with the type that its nodes have. */
function headsOf(map: TestMap, common: boolean): [head: number, type: number][] {
  const lists = map.memory.view().getUint32(map.storage.offset - MAP_HEADER_SIZE + MapField.LRU, true);
  const heads: [number, number][] = [];
  for (let list = 0; list < (common ? 1 : CPUS); list++) {
    for (let type = 0; type < 3; type++)
      heads.push([lists + list * LRU_STRIDE + LruList.HEADS + LINK_SIZE * type, type]);
  }
  for (let cpu = 0; common && cpu < CPUS; cpu++) {
    const local = lists + (1 + cpu) * LRU_STRIDE;
    heads.push([local + LocalList.FREE, 3], [local + LocalList.PENDING, 4]);
  }
  return heads;
}

/** Nodes of all lists, which lead back as they lead there. */
function nodesOf(map: TestMap, common: boolean): number[] {
  const view = map.memory.view();
  const nodes: number[] = [];
  for (const [head, type] of headsOf(map, common)) {
    let before = head;
    for (
      let node = view.getUint32(head + Link.BEHIND, true);
      node !== head;
      node = view.getUint32(node + Link.BEHIND, true)
    ) {
      expect(view.getUint32(node + Link.BEFORE, true)).toBe(before);
      expect(view.getUint8(node + LruNode.TYPE)).toBe(type);
      nodes.push(node);
      before = node;
    }
    expect(view.getUint32(head + Link.BEFORE, true)).toBe(before);
  }
  return nodes;
}

describe("tables that evict", () => {
  const kinds = [
    ["a common list", LRU_HASH, 0],
    ["a list for each CPU", LRU_HASH, NO_COMMON_LRU],
    ["per-CPU values", LRU_PERCPU_HASH, 0],
    ["per-CPU values and a list for each CPU", LRU_PERCPU_HASH, NO_COMMON_LRU],
  ] as const;

  it.each(kinds)("with %s have every element in one list, whatever happens", (_, type, flags) => {
    const step = fc.record({
      what: fc.constantFrom("update", "update", "update", "lookup", "delete"),
      key: fc.nat(40),
      how: fc.constantFrom(0, 0, 1, 2),
      cpu: fc.nat(CPUS - 1),
    });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20 }), fc.array(step, { maxLength: 150 }), (asked, steps) => {
        const map = lru(type, flags, asked);
        const entries = entriesOf(attributes({ type, flags, maxEntries: asked }), CPUS);
        for (const { what, key, how, cpu } of steps) {
          if (what === "update") {
            const error = map.update(keyOf(key, 4), patternOf(key, 8), how, cpu);
            expect([0, -Errno.EEXIST, -Errno.ENOENT]).toContain(error);
            if (error === 0) expect(map.lookup(keyOf(key, 4), cpu)).toEqual(patternOf(key, 8));
          } else if (what === "lookup") map.find(keyOf(key, 4), cpu);
          else map.delete(keyOf(key, 4));
          expect(map.storage.count).toBeLessThanOrEqual(entries);
        }
        const nodes = nodesOf(map, (flags & NO_COMMON_LRU) === 0);
        expect(new Set(nodes).size).toBe(entries);
        expect(nodes.length).toBe(entries);
        expect(map.keys().length).toBe(map.storage.count);
      }),
      { numRuns: 30 },
    );
  });

  it("rather keep what was looked up than what was not", () => {
    const map = lru(LRU_HASH, NO_COMMON_LRU, 30 * CPUS);
    for (let i = 0; i < 30; i++) map.update(keyOf(i, 4), patternOf(i, 8));
    for (let i = 0; i < 10; i++) map.find(keyOf(i, 4));
    for (let i = 100; i < 115; i++) map.update(keyOf(i, 4), patternOf(i, 8));
    const there = (from: number, to: number) => {
      let count = 0;
      for (let i = from; i < to; i++) if (map.find(keyOf(i, 4)) !== 0) count++;
      return count;
    };
    expect(there(100, 115)).toBe(15);
    // Four are freed at a time, and three are free now. Rotating the active list takes marks away again.
    expect([there(0, 10), there(10, 30)]).toEqual([8, 4]);
  });

  it("do not count what system calls look at", () => {
    const map = lru(LRU_HASH, NO_COMMON_LRU, 8 * CPUS);
    const { operations, storage, memory } = map;
    const key = memory.alloc(8);
    for (let i = 0; i < 8; i++) map.update(keyOf(i, 4), patternOf(i, 8));
    for (let round = 0; round < 3; round++) {
      memory.bytes().set(keyOf(0, 4), key);
      expect(operations.inspect!(storage.offset, key, 0)).not.toBe(0);
    }
    map.update(keyOf(99, 4), patternOf(1, 8));
    expect(map.find(keyOf(0, 4))).toBe(0);
  });

  it("have as many entries for each CPU", () => {
    const shape = attributes({ type: LRU_HASH, maxEntries: 10, flags: NO_COMMON_LRU });
    expect([entriesOf(shape, 1), entriesOf(shape, 4), entriesOf({ ...shape, flags: 0 }, 4)]).toEqual([
      10, 12, 10,
    ]);
    expect(entriesOf({ ...shape, maxEntries: 0xffff_fffe }, 4)).toBe(0xffff_fffc);
  });
});
