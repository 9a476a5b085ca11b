import { afterAll, expect, it } from "vitest";
import { BpfMapFlag, BpfMapType } from "../../src/uapi/index.ts";
import { describeWith, liveKernel } from "../support/referee.ts";
import { sampleBtf } from "./samples.ts";
import { type Pair, room, Twins } from "./twins.ts";

const STORAGES = [
  BpfMapType.SK_STORAGE,
  BpfMapType.TASK_STORAGE,
  BpfMapType.CGRP_STORAGE,
  BpfMapType.INODE_STORAGE,
];
const FLAGS = [0n, 1n, 2n, 3n, 4n, 8n, 1n << 32n];
const BAD_FD = 4321;
/** Descriptors have other numbers on each kernel. */
const OWN = { ignore: ["key", "value"] };

const word = (value: number) => {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setInt32(0, value, true);
  return bytes;
};

describeWith([liveKernel("6.18")], "maps of what descriptors name, as Linux", async () => {
  const twins = await Twins.meet();
  afterAll(() => twins[Symbol.dispose]());
  const sample = sampleBtf();
  const btf = twins.mustOpen("BTF_LOAD", { btf: sample.bytes, btfSize: sample.bytes.length });
  const typed = { btfFd: btf, btfKeyTypeId: sample.types.int, btfValueTypeId: sample.types.pair };

  const keys = (map: Pair) => [
    word(BAD_FD),
    word(-1),
    word(0),
    (side: { of(pair: Pair): number }) => word(side.of(map)),
  ];

  it("are made by their rules", () => {
    for (const mapType of STORAGES) {
      const base = {
        mapType,
        keySize: 4,
        valueSize: 8,
        maxEntries: 0,
        mapFlags: BpfMapFlag.NO_PREALLOC,
        ...typed,
      };
      const attempts: Record<string, number>[] = [{}];
      for (const keySize of [0, 8]) attempts.push({ keySize });
      for (const valueSize of [0, 4, 70_000]) attempts.push({ valueSize });
      attempts.push({ maxEntries: 1 }, { btfKeyTypeId: 0 }, { btfKeyTypeId: sample.types.pair });
      for (let bit = 0; bit < 20; bit++) {
        if (1 << bit !== BpfMapFlag.NUMA_NODE)
          attempts.push({ mapFlags: BpfMapFlag.NO_PREALLOC | (1 << bit) });
      }
      for (const fields of attempts) {
        const map = twins.open("MAP_CREATE", { ...base, ...fields });
        if (map !== null) twins.close(map);
      }
    }
    for (const keySize of [4, 8]) {
      for (const valueSize of [4, 8]) {
        for (let bit = -1; bit < 20; bit++) {
          const mapFlags = bit < 0 ? 0 : 1 << bit;
          if (mapFlags === BpfMapFlag.NUMA_NODE) continue;
          const fields = { mapType: BpfMapType.CGROUP_ARRAY, keySize, valueSize, maxEntries: 2, mapFlags };
          const map = twins.open("MAP_CREATE", fields);
          if (map !== null) twins.close(map);
        }
      }
    }
    expect(twins.taken()).toEqual([]);
  });

  it("refuse descriptors of anything else", () => {
    for (const mapType of STORAGES) {
      const mapFd = twins.mustOpen("MAP_CREATE", {
        mapType,
        keySize: 4,
        valueSize: 8,
        maxEntries: 0,
        mapFlags: BpfMapFlag.NO_PREALLOC,
        ...typed,
      });
      for (const key of keys(mapFd)) {
        for (const flags of FLAGS) {
          twins.call("MAP_LOOKUP_ELEM", { mapFd, key, value: room(8), flags }, OWN);
          twins.call("MAP_UPDATE_ELEM", { mapFd, key, value: room(8), flags }, OWN);
          twins.call("MAP_LOOKUP_AND_DELETE_ELEM", { mapFd, key, value: room(8), flags }, OWN);
        }
        twins.call("MAP_DELETE_ELEM", { mapFd, key }, OWN);
        twins.call("MAP_GET_NEXT_KEY", { mapFd, key, nextKey: room(4) }, OWN);
      }
      twins.call("MAP_GET_NEXT_KEY", { mapFd, key: 0n, nextKey: room(4) });
      for (const command of ["MAP_LOOKUP_BATCH", "MAP_UPDATE_BATCH", "MAP_DELETE_BATCH"] as const) {
        twins.call(command, { mapFd, keys: word(0), values: room(8), outBatch: room(4), count: 1 });
      }
      twins.call("MAP_FREEZE", { mapFd });
      twins.call("MAP_UPDATE_ELEM", { mapFd, key: word(BAD_FD), value: room(8) });
      twins.close(mapFd);
    }
    expect(twins.taken()).toEqual([]);
  });

  it("arrays of control groups answer to commands on elements", () => {
    const mapFd = twins.mustOpen("MAP_CREATE", {
      mapType: BpfMapType.CGROUP_ARRAY,
      keySize: 4,
      valueSize: 4,
      maxEntries: 3,
    });
    for (const at of [0, 2, 3, -1]) {
      const key = word(at);
      for (const flags of FLAGS) {
        twins.call("MAP_LOOKUP_ELEM", { mapFd, key, value: room(8), flags });
        for (const value of keys(mapFd)) twins.call("MAP_UPDATE_ELEM", { mapFd, key, value, flags }, OWN);
        twins.call("MAP_LOOKUP_AND_DELETE_ELEM", { mapFd, key, value: room(8), flags });
      }
      twins.call("MAP_DELETE_ELEM", { mapFd, key });
      twins.call("MAP_GET_NEXT_KEY", { mapFd, key, nextKey: room(4) });
    }
    for (const command of ["MAP_LOOKUP_BATCH", "MAP_UPDATE_BATCH", "MAP_DELETE_BATCH"] as const) {
      twins.call(command, { mapFd, keys: word(0), values: room(8), outBatch: room(4), count: 1 });
    }
    twins.close(mapFd);
    expect(twins.taken()).toEqual([]);
  });
});
