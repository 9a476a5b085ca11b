import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BadFree, createKernelMemory, HEAP, WASM_PAGE } from "../../src/mem/index.ts";
import { emitMemoryModule } from "../../src/mem/memory-module.ts";

const small = () => createKernelMemory({ maximumPages: 256, checking: true });

describe("allocator", () => {
  it("emits a valid module", () => {
    const bytes = emitMemoryModule({ maximumPages: 256, shared: true }, { check: true });
    expect(WebAssembly.validate(bytes)).toBe(true);
  });

  it("hands out zeroed, aligned, disjoint blocks and takes all back", () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.oneof(
            fc.record({
              size: fc.oneof(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 0, max: 40_000 })),
              align: fc.integer({ min: 0, max: 12 }).map((log) => 1 << log),
            }),
            fc.record({ drop: fc.nat() }),
          ),
          { maxLength: 300 },
        ),
        (steps) => {
          const memory = small();
          const live: { at: number; size: number; fill: number }[] = [];
          for (const [i, step] of steps.entries()) {
            if ("drop" in step) {
              const [gone] = live.splice(step.drop % (live.length || 1), 1);
              if (gone === undefined) continue;
              const bytes = memory.bytes().subarray(gone.at, gone.at + gone.size);
              expect(bytes.every((byte) => byte === gone.fill)).toBe(true);
              memory.free(gone.at);
              continue;
            }
            const at = memory.alloc(step.size, step.align);
            if (at === 0) continue;
            expect(at % Math.max(8, step.align)).toBe(0);
            expect(at).toBeGreaterThanOrEqual(HEAP);
            const bytes = memory.bytes().subarray(at, at + step.size);
            expect(bytes.length).toBe(step.size);
            expect(bytes.every((byte) => byte === 0)).toBe(true);
            const fill = (i % 255) + 1;
            bytes.fill(fill);
            live.push({ at, size: step.size, fill });
          }
          for (const { at, size, fill } of live) {
            expect(
              memory
                .bytes()
                .subarray(at, at + size)
                .every((byte) => byte === fill),
            ).toBe(true);
            memory.free(at);
          }
          expect(memory.used).toBe(0);
          // All of it is one block again.
          memory.free(memory.alloc(8));
          const all = memory.bytes().length - HEAP - 8;
          const pages = memory.bytes().length;
          expect(memory.alloc(all)).toBe(HEAP);
          expect(memory.bytes().length).toBe(pages);
        },
      ),
      { numRuns: 60 },
    );
  });

  it("grows only as needed, to the maximum, and gives 0 after", () => {
    const memory = createKernelMemory({ maximumPages: 32 });
    expect(memory.bytes().length).toBe(2 * WASM_PAGE);
    const first = memory.alloc(100);
    expect(memory.bytes().length).toBe(3 * WASM_PAGE);
    expect(memory.alloc(32 * WASM_PAGE)).toBe(0);
    const large = memory.alloc(28 * WASM_PAGE);
    expect(large).not.toBe(0);
    expect(memory.alloc(4 * WASM_PAGE)).toBe(0);
    memory.free(large);
    memory.free(first);
    // The whole heap, to the last byte: found although no class promises a block that large.
    expect(memory.alloc(30 * WASM_PAGE)).toBe(0);
    const most = memory.alloc(memory.bytes().length - HEAP - 8);
    expect(most).toBe(HEAP);
    for (const size of [0xffff_ffff, 0xfff0_0001, 2 ** 32, 1e12, -1, Number.NaN]) {
      expect(memory.alloc(size)).toBe(0);
    }
  });

  it("refuses what is no block, and blocks freed twice", () => {
    const memory = small();
    const block = memory.alloc(64);
    const other = memory.alloc(64);
    for (const offset of [0, 8, block + 8, block + 4, block - 8, 0xffff_fff8, memory.bytes().length]) {
      expect(() => memory.free(offset)).toThrow(BadFree);
    }
    memory.free(block);
    expect(() => memory.free(block)).toThrow("expected a block that is handed out, got offset 0x");
    memory.retire(other);
    expect(() => memory.free(other)).toThrow(BadFree);
    expect(() => memory.retire(other)).toThrow(BadFree);
    expect(() => memory.retire(block)).toThrow(BadFree);
  });

  it("poisons what is freed while checking", () => {
    const memory = small();
    const block = memory.alloc(4096);
    memory.alloc(64);
    memory.free(block);
    expect(
      memory
        .bytes()
        .subarray(block + 8, block + 4092)
        .every((byte) => byte === 0x6b),
    ).toBe(true);
    expect(memory.bytes()[memory.alloc(4096) + 100]).toBe(0);
  });

  it("works in a memory that is not shared, whose views a growth detaches", () => {
    const memory = createKernelMemory({ maximumPages: 64, shared: false });
    expect([memory.shared, memory.notes]).toEqual([false, []]);
    expect(() => memory.executors.add()).toThrow("a second executor is not supported");
    const before = memory.bytes();
    const block = memory.alloc(20 * WASM_PAGE);
    expect(before.length).toBe(0);
    memory.bytes()[block + 20 * WASM_PAGE - 1] = 7;
    expect(memory.view().getUint8(block + 20 * WASM_PAGE - 1)).toBe(7);
    memory.retire(block);
    memory.executors.quiesce(0);
    expect(memory.used).toBe(0);
  });

  it("falls back where the maximum is out of range", () => {
    expect(() => createKernelMemory({ maximumPages: 1 })).toThrow("expected a maximum of 3 to 65536 pages");
    expect(createKernelMemory().maximumPages).toBe(65_536);
    expect(createKernelMemory().notes).toEqual([]);
  });
});

describe("epochs", () => {
  it("frees retired blocks at the next quiescent point of a single executor", () => {
    const memory = small();
    const block = memory.alloc(64);
    const used = memory.used;
    memory.retire(block);
    expect(memory.used).toBe(used);
    memory.executors.quiesce(0);
    expect(memory.used).toBe(0);
  });

  it("waits for every executor that is online", () => {
    const memory = small();
    const one = memory.executors.add();
    expect(memory.executors.count).toBe(2);
    memory.executors.online(one);
    const block = memory.alloc(64);
    memory.retire(block);
    for (let i = 0; i < 5; i++) memory.executors.quiesce(0);
    expect(memory.used).toBe(64);
    memory.executors.quiesce(one);
    memory.executors.quiesce(0);
    memory.executors.quiesce(one);
    memory.executors.quiesce(0);
    expect(memory.used).toBe(0);
    // One that waits holds up nothing, and going offline is itself a quiescent point.
    memory.retire(memory.alloc(64));
    memory.executors.offline(one);
    memory.executors.quiesce(0);
    expect(memory.used).toBe(0);
    memory.executors.remove(one);
    expect(memory.executors.count).toBe(1);
  });

  it("has room for 64 executors, and for another where one has ended", () => {
    const memory = small();
    for (let id = 1; id < 64; id++) expect(memory.executors.add()).toBe(id);
    expect(() => memory.executors.add()).toThrow("expected at most 64 executors");
    memory.executors.remove(17);
    expect(memory.executors.add()).toBe(17);
  });

  it("never frees what an executor may still hold", () => {
    fc.assert(
      fc.property(fc.array(fc.record({ who: fc.nat(2), what: fc.nat(3) }), { maxLength: 200 }), (steps) => {
        const memory = small();
        memory.executors.add();
        memory.executors.add();
        const online = [true, false, false];
        // For each retired block: the executors that were online and have not been quiescent since.
        const waiting: { at: number; holders: Set<number> }[] = [];
        const passed = (who: number) => {
          for (const { holders } of waiting) holders.delete(who);
        };
        for (const { who, what } of steps) {
          if (what === 0) {
            const at = memory.alloc(32);
            memory.view().setUint32(at, at, true);
            memory.retire(at);
            waiting.push({ at, holders: new Set([0, 1, 2].filter((id) => online[id])) });
          } else if (what === 1 && online[who]) {
            passed(who);
            memory.executors.quiesce(who);
          } else if (what === 2 && !online[who]) {
            online[who] = true;
            memory.executors.online(who);
          } else if (what === 3 && online[who]) {
            online[who] = false;
            passed(who);
            memory.executors.offline(who);
          }
          for (const { at, holders } of waiting) {
            if (holders.size > 0) expect(memory.view().getUint32(at, true)).toBe(at);
          }
        }
        for (const who of [0, 1, 2]) if (online[who]) memory.executors.offline(who);
        memory.executors.online(0);
        memory.retire(memory.alloc(8));
        memory.executors.quiesce(0);
        expect(memory.used).toBe(0);
      }),
      { numRuns: 100 },
    );
  });
});
