import fc from "fast-check";
import { afterAll, expect, it } from "vitest";
import { BpfMapFlag, BpfMapType } from "../../src/uapi/index.ts";
import { describeWith, liveKernel } from "../support/referee.ts";
import { load } from "./programs.ts";
import { type Pair, room, Twins } from "./twins.ts";

const { QUEUE, STACK, BLOOM_FILTER } = BpfMapType;
const FLAGS = [0n, 1n, 2n, 3n, 4n, 8n, 1n << 32n, (1n << 32n) | 2n];

const word = (value: number) => new Uint8Array(BigUint64Array.of(BigInt(value)).buffer);

/** Pushes, pops or peeks (argument 0) a value (argument 1) with flags (argument 2): the result, and the value above. */
const PROGRAM = `
  r6 = r1
  r2 = *(u64 *)(r6 + 8)
  *(u64 *)(r10 - 8) = r2
  r3 = *(u64 *)(r6 + 16)
  r7 = *(u64 *)(r6 + 0)
  r1 = %0
  r2 = r10
  r2 += -8
  if r7 == 1 goto pop
  if r7 == 2 goto peek
  call bpf_map_push_elem
  goto end
pop:
  POP
  goto end
peek:
  call bpf_map_peek_elem
end:
  r1 = *(u64 *)(r10 - 8)
  r1 <<= 16
  r0 += r1
  exit`;

describeWith([liveKernel("6.18")], "maps without keys as Linux", async () => {
  const twins = await Twins.meet();
  afterAll(() => twins[Symbol.dispose]());

  const make = (mapType: number, more: Record<string, number | bigint> = {}) =>
    twins.mustOpen("MAP_CREATE", { mapType, keySize: 0, valueSize: 8, maxEntries: 4, ...more });
  const programOf = (map: Pair, type: number) => {
    const text = PROGRAM.replace("POP", type === BLOOM_FILTER ? "r0 = 0" : "call bpf_map_pop_elem");
    return load(twins, "raw_tracepoint", text, { maps: [map] });
  };

  it("are made by their rules", () => {
    for (const mapType of [QUEUE, STACK, BLOOM_FILTER]) {
      const attempts: Record<string, number | bigint>[] = [];
      for (const keySize of [0, 1, 4]) attempts.push({ keySize });
      for (const valueSize of [0, 1, 8, 33, 4 << 20, (4 << 20) + 1]) attempts.push({ valueSize });
      for (const maxEntries of [0, 1, 1000]) attempts.push({ maxEntries });
      for (const mapExtra of [0n, 1n, 15n, 16n, 1n << 40n]) attempts.push({ mapExtra });
      for (let bit = 0; bit < 20; bit++)
        if (1 << bit !== BpfMapFlag.NUMA_NODE) attempts.push({ mapFlags: 1 << bit });
      for (const fields of attempts) {
        const map = twins.open("MAP_CREATE", { mapType, keySize: 0, valueSize: 8, maxEntries: 1, ...fields });
        if (map !== null) twins.close(map);
      }
    }
    expect(twins.taken()).toEqual([]);
  });

  it("answer to commands on elements", () => {
    for (const mapType of [QUEUE, STACK, BLOOM_FILTER]) {
      // With a seed of its own, a filter has values that no other has.
      const mapFlags = mapType === BLOOM_FILTER ? BpfMapFlag.ZERO_SEED : 0;
      const mapFd = make(mapType, { maxEntries: 3, mapFlags });
      for (const flags of FLAGS) {
        for (const key of [0n, word(1), 16n]) {
          for (const value of [word(7), 16n]) {
            twins.call("MAP_UPDATE_ELEM", { mapFd, key, value, flags });
            twins.call("MAP_LOOKUP_ELEM", {
              mapFd,
              key,
              value: value instanceof Uint8Array ? word(9) : value,
              flags,
            });
          }
          twins.call("MAP_LOOKUP_AND_DELETE_ELEM", { mapFd, key, value: room(8), flags });
          twins.call("MAP_LOOKUP_AND_DELETE_ELEM", { mapFd, key, value: 16n, flags });
        }
      }
      for (const key of [0n, word(1)]) {
        twins.call("MAP_DELETE_ELEM", { mapFd, key });
        twins.call("MAP_GET_NEXT_KEY", { mapFd, key, nextKey: room(8) });
      }
      for (const command of [
        "MAP_LOOKUP_BATCH",
        "MAP_UPDATE_BATCH",
        "MAP_DELETE_BATCH",
        "MAP_LOOKUP_AND_DELETE_BATCH",
      ] as const) {
        twins.call(command, { mapFd, keys: word(0), values: room(8), outBatch: room(4), count: 1 });
      }
      twins.call("MAP_FREEZE", { mapFd });
      twins.call("MAP_UPDATE_ELEM", { mapFd, value: word(1) });
      twins.call("MAP_LOOKUP_ELEM", { mapFd, value: word(1) });
      twins.call("MAP_LOOKUP_AND_DELETE_ELEM", { mapFd, value: word(1) });
      twins.close(mapFd);
    }
    expect(twins.taken()).toEqual([]);
  });

  it("give what was pushed in their order, to programs and to system calls", () => {
    const step = fc.record({
      what: fc.constantFrom("push", "push", "push", "pop", "peek"),
      byProgram: fc.boolean(),
      value: fc.nat(200),
      flags: fc.constantFrom(...FLAGS, 0n, 0n, 2n, 2n),
    });
    const kinds = fc.record({
      type: fc.constantFrom(QUEUE, STACK),
      valueSize: fc.constantFrom(8, 8, 1, 3, 16, 200),
      entries: fc.constantFrom(1, 2, 5, 8),
      steps: fc.array(step, { maxLength: 80 }),
    });
    fc.assert(
      fc.property(kinds, ({ type, valueSize, entries, steps }) => {
        const mapFd = make(type, { maxEntries: entries, valueSize });
        const progFd = valueSize === 8 ? programOf(mapFd, type) : null;
        for (const { what, byProgram, value, flags } of steps) {
          if (byProgram && progFd !== null) {
            const operation = BigInt(["push", "pop", "peek"].indexOf(what));
            const ctxIn = new Uint8Array(BigUint64Array.of(operation, BigInt(value), flags).buffer);
            twins.call("PROG_TEST_RUN", { progFd, ctxIn, ctxSizeIn: 24 });
          } else if (what === "push") {
            twins.call("MAP_UPDATE_ELEM", { mapFd, value: room(valueSize).fill(value), flags });
          } else if (what === "pop") {
            twins.call("MAP_LOOKUP_AND_DELETE_ELEM", { mapFd, value: room(valueSize), flags: flags & 4n });
          } else twins.call("MAP_LOOKUP_ELEM", { mapFd, value: room(valueSize) });
        }
        if (progFd !== null) twins.close(progFd);
        twins.close(mapFd);
        expect(twins.taken()).toEqual([]);
      }),
      { numRuns: 200, seed: 11 },
    );
  });

  it("find every value that was pushed into a filter", () => {
    for (const mapExtra of [0n, 1n, 3n, 15n]) {
      const mapFd = make(BLOOM_FILTER, { maxEntries: 100, mapExtra });
      const progFd = programOf(mapFd, BLOOM_FILTER);
      const run = (operation: number, value: number, flags = 0n) => {
        const ctxIn = new Uint8Array(BigUint64Array.of(BigInt(operation), BigInt(value), flags).buffer);
        twins.call("PROG_TEST_RUN", { progFd, ctxIn, ctxSizeIn: 24 });
      };
      for (let i = 0; i < 100; i++) {
        if (i % 2 === 0) twins.call("MAP_UPDATE_ELEM", { mapFd, value: word(i * 77) });
        else run(0, i * 77);
      }
      for (let i = 0; i < 100; i++) {
        run(2, i * 77);
        twins.call("MAP_LOOKUP_ELEM", { mapFd, value: word(i * 77) });
      }
      for (const flags of FLAGS) run(0, 1, flags);
      twins.close(progFd);
      twins.close(mapFd);
    }
    expect(twins.taken()).toEqual([]);
  });

  it("have the same values that nobody pushed in filters of the same seed", () => {
    for (const valueSize of [4, 7, 8, 64]) {
      for (const mapExtra of [0n, 1n, 15n]) {
        const mapFlags = BpfMapFlag.ZERO_SEED;
        const mapFd = make(BLOOM_FILTER, { maxEntries: 20, mapExtra, mapFlags, valueSize });
        const bytesOf = (i: number) => new Uint8Array(valueSize).fill(i & 0xff).fill(i >> 8, 0, 2);
        for (let i = 0; i < 40; i++) twins.call("MAP_UPDATE_ELEM", { mapFd, value: bytesOf(i * 77) });
        for (let i = 0; i < 500; i++) twins.call("MAP_LOOKUP_ELEM", { mapFd, value: bytesOf(i) });
        twins.close(mapFd);
      }
    }
    expect(twins.taken()).toEqual([]);
  });
});
