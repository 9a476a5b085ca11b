import { afterAll, expect, it } from "vitest";
import { BpfMapFlag, BpfMapType } from "../../src/uapi/index.ts";
import { usualSizes } from "../platform/live-maps.ts";
import { describeWith, liveKernel } from "../support/referee.ts";
import { CTypes } from "../verifier/support/c-types.ts";
import { loadSample } from "./programs.ts";
import { sampleBtf } from "./samples.ts";
import { type Fields, room, Twins } from "./twins.ts";

describeWith([liveKernel("6.18")], "BTF_LOAD and types of maps as on Linux", async () => {
  const twins = await Twins.meet();
  afterAll(() => twins[Symbol.dispose]());
  const check = () => expect(twins.taken()).toEqual([]);
  const { bytes } = sampleBtf();
  const ignore = ["btfLogBuf", "btfLogTrueSize"];
  const attempt = (fields: Fields, options = {}) => {
    const btf = twins.open(
      "BTF_LOAD",
      { btf: bytes, btfSize: bytes.length, ...fields },
      { ignore, ...options },
    );
    if (btf !== null) twins.close(btf);
  };
  const changed = (at: number, value: number) => {
    const copy = bytes.slice();
    copy[at] = value;
    return copy;
  };

  it("arguments", () => {
    attempt({});
    // Sizes beyond the buffer only where they are refused unread: what lies behind it is the process's own affair.
    for (const btfSize of [0, 1, 7, 8, 23, 24, bytes.length - 1, (16 << 20) + 1, 0xffff_ffff])
      attempt({
        btfSize,
        btf: room(1 << 16)
          .fill(0)
          .map((_, i) => bytes[i] ?? 0)
          .subarray(0, Math.max(btfSize, 1) > 65536 ? 1 : Math.max(btfSize, 1)),
      });
    for (const btf of [0, 0x10]) attempt({ btf });
    for (const btfFlags of [1, 2, 1 << 16, 0x8000_0000]) attempt({ btfFlags });
    for (const btfTokenFd of [1, 7777]) {
      attempt({ btfTokenFd });
      attempt({ btfTokenFd, btfFlags: 1 << 16 });
    }
    for (const btfLogLevel of [0, 1, 2, 3, 4, 7, 8, 16]) {
      for (const btfLogSize of [0, 1, 100, 65536, 0x4000_0000]) {
        for (const btfLogBuf of [0, 0x10]) attempt({ btfLogLevel, btfLogSize, btfLogBuf });
        if (btfLogSize > 0 && btfLogSize <= 65536)
          attempt({ btfLogLevel, btfLogSize, btf: changed(0, 0), btfLogBuf: room(btfLogSize) });
      }
    }
    for (const at of [0, 3, 20]) attempt({}, { tail: new Uint8Array(at + 1).fill(1, at) });
    for (const size of [0, 8, 16, 20, 24, 28, 32, 36, 40, 64]) attempt({}, { size });
    check();
  });

  it("each byte changed", () => {
    for (let at = 0; at < bytes.length; at++) {
      for (const value of [0, 1, 0x7f, 0xff, bytes[at]! ^ 1, bytes[at]! ^ 0x80]) {
        const before = twins.differences.length;
        attempt({ btf: changed(at, value) });
        if (twins.differences.length > before)
          twins.differences.push(`byte ${at} = ${value}: ${twins.differences.pop()}`);
      }
    }
    check();
  });

  it("types of keys and values", () => {
    const { btf, types } = loadSample(twins);
    const ids = [0, ...Object.values(types), 99];
    for (const mapType of [
      BpfMapType.HASH,
      BpfMapType.ARRAY,
      BpfMapType.PERCPU_HASH,
      BpfMapType.PERCPU_ARRAY,
      BpfMapType.PROG_ARRAY,
    ]) {
      for (const btfKeyTypeId of ids) {
        for (const btfValueTypeId of ids) {
          const base = { mapType, keySize: 4, maxEntries: 1, btfFd: btf, btfKeyTypeId, btfValueTypeId };
          for (const valueSize of [4, 8]) {
            const map = twins.open("MAP_CREATE", { ...base, valueSize });
            if (map !== null) twins.close(map);
          }
        }
      }
      for (const maxEntries of [1, 2]) {
        for (const keySize of [4, 8]) {
          const map = twins.open("MAP_CREATE", {
            mapType,
            keySize,
            valueSize: 8,
            maxEntries,
            btfFd: btf,
            btfValueTypeId: types.section,
          });
          if (map !== null) twins.close(map);
        }
      }
    }
    twins.close(btf);
    check();
  });

  it("types of keys and values, by the type of the map", () => {
    const types = new CTypes(`
      struct prefix { int length; int address; };
      struct cgroup_key { unsigned long id; unsigned int type; };
      struct locked { int n; struct bpf_spin_lock lock; };
      struct timed { struct bpf_timer timer; };
    `);
    const sized = ["int", "long", "struct prefix", "struct cgroup_key", "struct locked", "struct timed"];
    const ids = [null, ...sized].map((name) => ({
      name,
      id: name === null ? 0 : types.id(name),
      size: name === null ? 0 : types.sizeOf(name),
    }));
    const bytes = types.bytes();
    const btf = twins.mustOpen("BTF_LOAD", { btf: bytes, btfSize: bytes.length });
    const inner = twins.mustOpen("MAP_CREATE", {
      mapType: BpfMapType.ARRAY,
      keySize: 4,
      valueSize: 4,
      maxEntries: 1,
    });
    const different: string[] = [];
    for (const [mapName, mapType] of Object.entries(BpfMapType)) {
      const usual = usualSizes(mapType);
      for (const key of ids) {
        for (const value of ids) {
          for (const change of [
            {},
            { keySize: key.size, valueSize: value.size },
            { mapFlags: usual.flags | BpfMapFlag.RDONLY_PROG, keySize: key.size, valueSize: value.size },
          ]) {
            const { keySize, valueSize, maxEntries, flags: mapFlags } = usual;
            const before = twins.differences.length;
            const map = twins.open("MAP_CREATE", {
              mapType,
              keySize,
              valueSize,
              maxEntries,
              mapFlags,
              ...change,
              btfFd: btf,
              btfKeyTypeId: key.id,
              btfValueTypeId: value.id,
              ...(mapType === BpfMapType.ARRAY_OF_MAPS || mapType === BpfMapType.HASH_OF_MAPS
                ? { innerMapFd: inner }
                : {}),
            });
            if (map !== null) twins.close(map);
            if (twins.differences.length > before)
              different.push(
                `${mapName} key ${key.name} value ${value.name} ${JSON.stringify(change)}: ${twins.differences.pop()}`,
              );
          }
        }
      }
    }
    twins.close(inner);
    twins.close(btf);
    expect(different).toEqual([]);
  });
});
