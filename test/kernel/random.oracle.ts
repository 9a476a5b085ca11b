import { afterAll, expect, it } from "vitest";
import { hexOf } from "../../src/base/index.ts";
import { BpfMapType } from "../../src/uapi/index.ts";
import { describeWith, liveKernel } from "../support/referee.ts";
import { load, run } from "./programs.ts";
import { type Pair, room, Twins } from "./twins.ts";

const TYPES = [BpfMapType.HASH, BpfMapType.ARRAY, BpfMapType.PERCPU_HASH, BpfMapType.PERCPU_ARRAY];
const CALLS = 4000;

/** A small generator, so that a failure can be run again. */
function generator(seed: number) {
  let state = seed >>> 0;
  const next = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state >>> 8;
  };
  return {
    below: (limit: number) => next() % limit,
    one: <T>(...of: readonly T[]): T => of[next() % of.length]!,
  };
}

describeWith([liveKernel("6.18")], "random calls as Linux", async () => {
  const twins = await Twins.meet();
  afterAll(() => twins[Symbol.dispose]());

  it.each([1, 2, 3])("seed %i", (seed) => {
    const { below, one } = generator(seed);
    const pool: { pair: Pair; type: number; keySize: number; programs: Pair[] }[] = [];
    const key = (size: number) => {
      const bytes = new Uint8Array(16);
      // Few keys, so that they are found again; some that are out of bounds.
      bytes[0] = below(10);
      if (size > 8) bytes[size - 1] = below(2);
      if (below(20) === 0) bytes[1] = 1;
      return bytes;
    };
    const value = () => new Uint8Array(256).map(() => below(256));
    const flags = () => one(0n, 0n, 0n, 0n, 1n, 1n, 2n, 2n, 3n, 4n, 8n, 1n << 33n);
    const pointer = <T extends Uint8Array>(bytes: T) => (below(60) === 0 ? one(0n, 0x10n) : bytes);
    const make = () => {
      const mapType = one(...TYPES);
      const array = mapType === BpfMapType.ARRAY || mapType === BpfMapType.PERCPU_ARRAY;
      const keySize = array ? 4 : one(1, 4, 5, 8, 12);
      const mapFlags = array ? one(0, 0, 8, 16) : one(0, 0, 1, 1, 8, 16, 64);
      const pair = twins.open("MAP_CREATE", {
        mapType,
        keySize,
        valueSize: one(1, 4, 7, 8, 24),
        maxEntries: one(1, 3, 8),
        mapFlags,
      });
      if (pair !== null) pool.push({ pair, type: mapType, keySize, programs: [] });
    };
    const before = twins.calls;
    while (twins.calls - before < CALLS) {
      if (pool.length < 4) make();
      const { pair, type, keySize } = one(...pool);
      const hash = type === BpfMapType.HASH || type === BpfMapType.PERCPU_HASH;
      switch (below(16)) {
        case 0:
        case 1:
        case 2:
        case 3:
          twins.call("MAP_UPDATE_ELEM", {
            mapFd: pair,
            key: pointer(key(keySize)),
            value: pointer(value()),
            flags: flags(),
          });
          break;
        case 4:
        case 5:
          twins.call("MAP_LOOKUP_ELEM", {
            mapFd: pair,
            key: pointer(key(keySize)),
            value: pointer(room(256)),
            flags: flags(),
          });
          break;
        case 6:
        case 7:
          twins.call("MAP_DELETE_ELEM", { mapFd: pair, key: pointer(key(keySize)) });
          break;
        case 8:
          twins.call("MAP_LOOKUP_AND_DELETE_ELEM", {
            mapFd: pair,
            key: key(keySize),
            value: room(256),
            flags: flags(),
          });
          break;
        case 9:
          // The order of a hash table is its own, and so is what follows a key.
          if (hash)
            twins.call(
              "MAP_GET_NEXT_KEY",
              { mapFd: pair, key: 0, nextKey: room(16) },
              { ignore: ["nextKey"] },
            );
          else twins.call("MAP_GET_NEXT_KEY", { mapFd: pair, key: key(4), nextKey: room(16) });
          break;
        case 10: {
          const count = below(4);
          const keys = new Uint8Array(64).map(() => below(3) * below(4));
          const command = one("MAP_UPDATE_BATCH", "MAP_DELETE_BATCH");
          twins.call(command, {
            mapFd: pair,
            keys,
            values: new Uint8Array(1024).map(() => below(256)),
            count,
            elemFlags: flags(),
          });
          break;
        }
        case 11: {
          const fields = {
            mapFd: pair,
            keys: room(256),
            values: room(2048),
            outBatch: room(16),
            count: 8,
            elemFlags: one(0n, 0n, 0n, 4n),
          };
          const command = one("MAP_LOOKUP_BATCH", "MAP_LOOKUP_AND_DELETE_BATCH");
          twins.call(command, fields, hash ? { ignore: ["keys", "values", "outBatch"] } : {});
          break;
        }
        case 12:
          if (below(12) === 0) twins.call("MAP_FREEZE", { mapFd: pair });
          break;
        case 13: {
          // A program at work on the same map, on whichever CPU.
          if (type !== BpfMapType.HASH && type !== BpfMapType.ARRAY) break;
          const at = below(10);
          const text = one(
            `*(u64 *)(r10 - 8) = 0\n*(u64 *)(r10 - 16) = ${at}\nr1 = %0\nr2 = r10\nr2 += -16\ncall bpf_map_delete_elem\nexit`,
            `*(u64 *)(r10 - 8) = 0\n*(u64 *)(r10 - 16) = ${at}\nr1 = %0\nr2 = r10\nr2 += -16\ncall bpf_map_lookup_elem\nif r0 == 0 goto out\nr1 = *(u8 *)(r0 + 0)\nr1 += 1\n*(u8 *)(r0 + 0) = r1\nr0 = r1\nexit\nout: r0 = 1000\nexit`,
            `*(u64 *)(r10 - 8) = 0\n*(u64 *)(r10 - 16) = ${at}\n*(u64 *)(r10 - 24) = 0x77\n*(u64 *)(r10 - 32) = -1\n*(u64 *)(r10 - 40) = ${at}\nr1 = %0\nr2 = r10\nr2 += -16\nr3 = r10\nr3 += -40\nr4 = ${below(4)}\ncall bpf_map_update_elem\nexit`,
          );
          const program = load(twins, "syscall", text, { maps: [pair], fields: { progFlags: 16 } });
          run(twins, program);
          twins.close(program);
          break;
        }
        case 14:
          twins.both("all of it", (side) => {
            const found: string[] = [];
            const mapFd = side.of(pair);
            for (let at: Uint8Array | null = null; ; ) {
              at = side.sys.mapGetNextKey({ mapFd, key: at, keySize });
              if (at === null) return found.sort();
              found.push(
                `${hexOf(at)} ${hexOf(side.sys.mapLookupElem({ mapFd, key: at }) ?? new Uint8Array(0))}`,
              );
            }
          });
          break;
        default:
          if (below(10) === 0) {
            const at = pool.findIndex((entry) => entry.pair === pair);
            pool.splice(at, 1);
            twins.close(pair);
          }
      }
    }
    for (const { pair } of pool) twins.close(pair);
    expect(twins.taken()).toEqual([]);
  });
});
