import { afterAll, expect, it } from "vitest";
import { BpfAttachType, BpfMapFlag, BpfMapType } from "../../src/uapi/index.ts";
import { describeWith, liveKernel } from "../support/referee.ts";
import { load } from "./programs.ts";
import { room, type Side, Twins } from "./twins.ts";

const { DEVMAP, DEVMAP_HASH, CPUMAP, XSKMAP } = BpfMapType;
const TYPES = [DEVMAP, DEVMAP_HASH, CPUMAP, XSKMAP];
const FLAGS = [0, 1, 2, 3, 4, 5, 8, 1n << 32n];
const BAD_FD = 4321;

/** Two words: an index or a length, and the descriptor of a program. */
const words = (first: number, second = 0) => {
  const bytes = new Uint8Array(8);
  const view = new DataView(bytes.buffer);
  view.setInt32(0, first, true);
  view.setInt32(4, second, true);
  return bytes;
};

describeWith([liveKernel("6.18")], "maps that XDP redirects to as Linux", async () => {
  const twins = await Twins.meet();
  afterAll(() => twins[Symbol.dispose]());

  it("are made by its rules", () => {
    for (const mapType of TYPES) {
      for (const keySize of [0, 1, 4, 8]) {
        for (const valueSize of [0, 4, 8, 12]) {
          for (const maxEntries of [0, 1, 5]) {
            const map = twins.open("MAP_CREATE", { mapType, keySize, valueSize, maxEntries });
            if (map !== null) twins.close(map);
          }
        }
      }
      for (let bit = 0; bit < 20; bit++) {
        const fields = { mapType, keySize: 4, valueSize: 4, maxEntries: 2, mapFlags: 1 << bit };
        if (1 << bit === BpfMapFlag.NUMA_NODE) continue;
        const map = twins.open("MAP_CREATE", fields);
        if (map !== null) twins.close(map);
      }
    }
    expect(twins.taken()).toEqual([]);
  });

  it("refuse what is none of theirs", () => {
    for (const mapType of TYPES) {
      for (const valueSize of mapType === XSKMAP ? [4] : [4, 8]) {
        const mapFd = twins.mustOpen("MAP_CREATE", { mapType, keySize: 4, valueSize, maxEntries: 3 });
        for (const at of [2, 3, -1]) {
          const key = words(at);
          for (const flags of FLAGS) {
            for (const value of [words(BAD_FD), words(-1), words(0), words(0, BAD_FD), words(1, BAD_FD)]) {
              // The CPU of this number may be one that only one of the kernels has.
              if (mapType === CPUMAP && at === 2 && value[0] === 1) continue;
              // The descriptor of this number is where this process writes, which may be a socket.
              if (mapType === XSKMAP && value[0] === 1) continue;
              twins.call("MAP_UPDATE_ELEM", { mapFd, key, value, flags });
              twins.call("MAP_LOOKUP_ELEM", { mapFd, key, value: room(8), flags });
            }
            twins.call("MAP_LOOKUP_AND_DELETE_ELEM", { mapFd, key, value: room(8), flags });
          }
          twins.call("MAP_DELETE_ELEM", { mapFd, key });
          twins.call("MAP_GET_NEXT_KEY", { mapFd, key, nextKey: room(4) });
        }
        twins.call("MAP_GET_NEXT_KEY", { mapFd, key: 0n, nextKey: room(4) });
        for (const command of ["MAP_LOOKUP_BATCH", "MAP_UPDATE_BATCH", "MAP_DELETE_BATCH"] as const) {
          const arrays = { keys: words(0), values: room(8), outBatch: room(4), count: 1 };
          twins.call(command, { mapFd, ...arrays });
        }
        twins.close(mapFd);
      }
    }
    expect(twins.taken()).toEqual([]);
  });

  it("hold the loopback device, and CPU 0", () => {
    for (const mapType of [DEVMAP, DEVMAP_HASH, CPUMAP]) {
      for (const valueSize of [4, 8]) {
        const mapFd = twins.mustOpen("MAP_CREATE", { mapType, keySize: 4, valueSize, maxEntries: 3 });
        const value = words(1);
        const read = (at: number) => twins.call("MAP_LOOKUP_ELEM", { mapFd, key: words(at), value: room(8) });
        const keys = mapType === CPUMAP ? [0] : [0, 2, 1, 5, 9];
        for (const at of keys) {
          for (const flags of [2, 1, 1, 0]) {
            twins.call("MAP_UPDATE_ELEM", { mapFd, key: words(at), value, flags });
            read(at);
          }
          twins.call("MAP_GET_NEXT_KEY", { mapFd, key: words(at), nextKey: room(4) });
        }
        twins.call("MAP_GET_NEXT_KEY", { mapFd, key: 0n, nextKey: room(4) });
        twins.call("MAP_UPDATE_ELEM", { mapFd, key: words(0), value: words(1, -1) });
        read(0);
        twins.call("MAP_UPDATE_ELEM", { mapFd, key: words(0), value: words(1, BAD_FD) });
        read(0);
        twins.call("MAP_UPDATE_ELEM", { mapFd, key: words(0), value: words(0, 0) });
        read(0);
        for (const at of keys) {
          twins.call("MAP_DELETE_ELEM", { mapFd, key: words(at) });
          twins.call("MAP_DELETE_ELEM", { mapFd, key: words(at) });
          read(at);
        }
        twins.close(mapFd);
      }
    }
    expect(twins.taken()).toEqual([]);
  });

  it("run programs made for them", () => {
    const pass = "r0 = 2\nexit";
    const attach = (expectedAttachType: number) =>
      load(twins, "xdp", pass, { fields: { expectedAttachType } });
    const programs = [
      attach(BpfAttachType.XDP_DEVMAP),
      attach(BpfAttachType.XDP_CPUMAP),
      attach(BpfAttachType.XDP),
      load(twins, "sched_cls", pass),
    ];
    for (const mapType of [DEVMAP, DEVMAP_HASH, CPUMAP]) {
      const mapFd = twins.mustOpen("MAP_CREATE", { mapType, keySize: 4, valueSize: 8, maxEntries: 3 });
      for (const program of programs) {
        const update = (at: number, first: number) => {
          const value = (side: Side) => words(first, side.of(program));
          twins.call("MAP_UPDATE_ELEM", { mapFd, key: words(at), value }, { ignore: ["value"] });
        };
        update(0, 1);
        // The id of the program is another one on each kernel.
        const mask = { value: [4, 8] as const };
        twins.call("MAP_LOOKUP_ELEM", { mapFd, key: words(0), value: room(8) }, { mask });
        update(1, 0);
      }
      twins.call("MAP_DELETE_ELEM", { mapFd, key: words(0) });
      twins.close(mapFd);
    }
    for (const program of programs) twins.close(program);
    expect(twins.taken()).toEqual([]);
  });
});
