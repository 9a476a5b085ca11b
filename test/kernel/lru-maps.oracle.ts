import fc from "fast-check";
import { afterAll, expect, it } from "vitest";
import { BpfMapFlag, BpfMapType } from "../../src/uapi/index.ts";
import { onCpu } from "../support/on-cpu.ts";
import { describeWith, liveKernel } from "../support/referee.ts";
import { ElementProgram } from "./element-program.ts";
import { type Pair, room, Twins } from "./twins.ts";

const TYPES = [BpfMapType.LRU_HASH, BpfMapType.LRU_PERCPU_HASH];
const NO_COMMON = BpfMapFlag.NO_COMMON_LRU;

const word = (value: bigint) => new Uint8Array(BigUint64Array.of(value).buffer);

interface Step {
  readonly what: string;
  readonly key: bigint;
  readonly flags: bigint;
  readonly cpu: number;
}

describeWith([liveKernel("6.18")], "LRU maps as Linux", async () => {
  const twins = await Twins.meet();
  afterAll(() => twins[Symbol.dispose]());
  const cpus = twins.kernel.possibleCpus();

  const make = (mapType: number, maxEntries: number, mapFlags: number) =>
    twins.mustOpen("MAP_CREATE", { mapType, keySize: 8, valueSize: 8, maxEntries, mapFlags });
  const infoOf = (map: Pair) => {
    twins.call(
      "OBJ_GET_INFO_BY_FD",
      { bpfFd: map, infoLen: 88, info: new Uint8Array(88) },
      { mask: { info: [4, 8] } },
    );
  };
  const system = {
    update: (mapFd: Pair, key: bigint, value: bigint, flags: bigint) =>
      twins.call("MAP_UPDATE_ELEM", {
        mapFd,
        key: word(key),
        value: room(8 * cpus).fill(Number(value)),
        flags,
      }),
    lookup: (mapFd: Pair, key: bigint) =>
      twins.call("MAP_LOOKUP_ELEM", { mapFd, key: word(key), value: room(8 * cpus) }),
    delete: (mapFd: Pair, key: bigint) => twins.call("MAP_DELETE_ELEM", { mapFd, key: word(key) }),
    take: (mapFd: Pair, key: bigint) =>
      twins.call("MAP_LOOKUP_AND_DELETE_ELEM", { mapFd, key: word(key), value: room(8 * cpus) }),
  };

  it("have as many entries as there are lists for", () => {
    for (const type of TYPES) {
      for (const entries of [1, 2, 3, 7, 1000, 1001]) {
        for (const flags of [0, NO_COMMON]) {
          const map = make(type, entries, flags);
          infoOf(map);
          twins.close(map);
        }
      }
    }
    expect(twins.taken()).toEqual([]);
  });

  const step = fc.record({
    what: fc.constantFrom(
      "programUpdate",
      "programUpdate",
      "programUpdate",
      "programLookup",
      "programLookup",
      "programDelete",
      "update",
      "update",
      "lookup",
      "delete",
      "take",
    ),
    key: fc.bigInt(0n, 60n),
    flags: fc.constantFrom(0n, 0n, 0n, 1n, 2n, 4n),
    cpu: fc.nat(cpus - 1),
  });

  const play = (type: number, flags: number, entries: number, steps: readonly Step[]) => {
    const map = make(type, entries, flags);
    const program = new ElementProgram(twins, map);
    for (const { what, key: number, flags, cpu } of steps) {
      // Some more keys than places.
      const key = number % BigInt(2 * entries + 2);
      if (what === "programUpdate") program.run("update", { key, value: key * 3n + 1n, flags, cpu });
      else if (what === "programLookup") program.run("lookup", { key, cpu });
      else if (what === "programDelete") program.run("delete", { key, cpu });
      else if (what === "update") system.update(map, key, key + 1n, flags);
      else system[what as "lookup" | "delete" | "take"](map, key);
    }
    for (let key = 0n; key <= 60n; key++) system.lookup(map, key);
    program.close();
    twins.close(map);
  };

  it("evict the elements that Linux evicts", async () => {
    await onCpu(0, () => {
      const kinds = fc.record({
        type: fc.constantFrom(...TYPES),
        flags: fc.constantFrom(0, NO_COMMON),
        entries: fc.constantFrom(1, 2, 3, 4, 8, 16, 33),
        steps: fc.array(step, { minLength: 5, maxLength: 250 }),
      });
      fc.assert(
        fc.property(kinds, ({ type, flags, entries, steps }) => {
          play(type, flags, entries, steps);
          expect(twins.taken()).toEqual([]);
        }),
        { numRuns: 200, seed: 4 },
      );
    });
  });

  it("evict from larger maps, whose lists are taken in parts", async () => {
    await onCpu(0, () => {
      let state = 12345;
      const random = (below: number) => {
        state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
        return Math.floor((state / 2 ** 32) * below);
      };
      for (const type of TYPES) {
        for (const flags of [0, NO_COMMON]) {
          const map = make(type, 600, flags);
          const program = new ElementProgram(twins, map);
          for (let i = 0; i < 4000; i++) {
            const [key, cpu] = [BigInt(random(1500)), random(cpus)];
            const dice = random(10);
            if (dice < 5) program.run("update", { key, value: 1n, cpu });
            else if (dice < 8) program.run("lookup", { key: key % 400n, cpu });
            else if (dice < 9) system.update(map, key, 1n, 0n);
            else program.run("delete", { key, cpu });
          }
          for (let key = 0n; key < 1500n; key++) system.lookup(map, key);
          program.close();
          twins.close(map);
          expect(twins.taken()).toEqual([]);
        }
      }
    });
  });
});
