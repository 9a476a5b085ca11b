import { beforeEach, describe, expect, it } from "vitest";
import { createMap, type MapStorage } from "../../src/maps/index.ts";
import { RegionAccess } from "../../src/mem/index.ts";
import { BpfFuncId, BpfMapFlag, BpfMapType, Errno } from "../../src/uapi/index.ts";
import { HelperBench } from "./support.ts";

let bench: HelperBench;
beforeEach(() => {
  bench = new HelperBench();
});

function map(type: number = BpfMapType.SK_STORAGE): MapStorage {
  const shape =
    type === BpfMapType.SK_STORAGE
      ? { maxEntries: 0, flags: BpfMapFlag.NO_PREALLOC }
      : { maxEntries: 1, flags: 0 };
  const created = createMap(
    { memory: bench.memory, cpus: 1, bpfMapSize: 64, random: () => 0 },
    { type, keySize: 4, valueSize: 12, ...shape },
  );
  if (typeof created === "number") throw new Error(`expected a map, got errno ${created}`);
  return created;
}

function socket(state = 7): number {
  const at = bench.block(bench.layout.sizeOf("sock"), RegionAccess.READ, "struct sock");
  bench.memory.bytes()[at + bench.layout.offset("sock_common.skc_state")] = state;
  return at;
}

const get = ({ offset }: MapStorage, at: number, value = 0, flags: number | bigint = 0) =>
  bench.invoke(BpfFuncId.sk_storage_get, offset, at, value, flags);
const remove = ({ offset }: MapStorage, at: number) => bench.invoke(BpfFuncId.sk_storage_delete, offset, at);

describe("bpf_sk_storage_get", () => {
  it("finds nothing unless it may make it", () => {
    const [storage, at] = [map(), socket()];
    expect(get(storage, at)).toBe(0);
    const value = get(storage, at, 0, 1);
    expect(value).not.toBe(0);
    expect([...bench.get(value, 12)]).toEqual(new Array(12).fill(0));
    expect(bench.memory.regions.allows(value, 12, RegionAccess.READ_WRITE)).toBe(true);
    expect(bench.memory.regions.allows(value, 13, RegionAccess.READ)).toBe(false);
    expect([get(storage, at), get(storage, at, 0, 1)]).toEqual([value, value]);
  });

  it("begins with a value that is given", () => {
    const from = bench.put(Uint8Array.from({ length: 12 }, (_, i) => i + 1));
    const value = get(map(), socket(), from, 1);
    expect([...bench.get(value, 12)]).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
  });

  it("has one value for each map and socket", () => {
    const [maps, sockets] = [
      [map(), map(), map()],
      [socket(), socket(), socket()],
    ];
    const values = maps.flatMap((storage) => sockets.map((at) => get(storage, at, 0, 1)));
    expect(new Set(values).size).toBe(9);
    expect(remove(maps[1]!, sockets[1]!)).toBe(0);
    values[4] = 0;
    expect(maps.flatMap((storage) => sockets.map((at) => get(storage, at)))).toEqual(values);
    maps[0]!.close();
    expect(sockets.map((at) => get(maps[2]!, at))).toEqual(values.slice(6));
    expect(sockets.map((at) => get(maps[1]!, at))).toEqual(values.slice(3, 6));
  });

  it("refuses flags, what is no whole socket, and maps of other types", () => {
    const [storage, at] = [map(), socket()];
    expect(get(storage, at, 0, 2)).toBe(0);
    expect(get(storage, at, 0, 2n ** 32n + 1n)).toBe(0);
    expect(get(storage, 0, 0, 1)).toBe(0);
    expect(get(storage, at + 8, 0, 1)).toBe(0);
    expect(get(storage, socket(6), 0, 1)).toBe(0);
    expect(get(map(BpfMapType.ARRAY), at, 0, 1)).toBe(0);
  });
});

describe("bpf_sk_storage_delete", () => {
  it("takes a value out once", () => {
    const [storage, at] = [map(), socket()];
    const value = get(storage, at, 0, 1);
    expect([remove(storage, at), remove(storage, at)]).toEqual([0, -Errno.ENOENT]);
    expect(remove(storage, 0)).toBe(-Errno.EINVAL);
    expect(get(storage, at)).toBe(0);
    expect(bench.memory.regions.allows(value, 1, RegionAccess.READ)).toBe(false);
  });
});
