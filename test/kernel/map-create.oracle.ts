import { afterAll, expect, it } from "vitest";
import { utf8 } from "../../src/base/index.ts";
import { BpfMapFlag, BpfMapType } from "../../src/uapi/index.ts";
import { describeWith, liveKernel } from "../support/referee.ts";
import { type Fields, Twins } from "./twins.ts";

const TYPES = [
  BpfMapType.HASH,
  BpfMapType.ARRAY,
  BpfMapType.PERCPU_HASH,
  BpfMapType.PERCPU_ARRAY,
  BpfMapType.LRU_HASH,
  BpfMapType.LRU_PERCPU_HASH,
];
const U32 = 0xffff_ffff;

describeWith([liveKernel("6.18")], "MAP_CREATE as Linux", async () => {
  const twins = await Twins.meet();
  afterAll(() => twins[Symbol.dispose]());

  const create = (fields: Fields, options = {}) => {
    const map = twins.open("MAP_CREATE", fields, options);
    if (map !== null) twins.close(map);
  };
  const base = (mapType: number): Fields => ({ mapType, keySize: 4, valueSize: 8, maxEntries: 4 });

  it("sizes", () => {
    for (const type of TYPES) {
      for (const keySize of [
        0,
        1,
        3,
        4,
        5,
        8,
        64,
        511,
        512,
        513,
        4096,
        1 << 20,
        (4 << 20) - 57,
        (4 << 20) - 56,
        4 << 20,
        U32,
      ])
        create({ ...base(type), keySize });
      for (const valueSize of [
        0,
        1,
        3,
        7,
        8,
        9,
        4096,
        32760,
        32761,
        32768,
        32769,
        1 << 20,
        (4 << 20) - 53,
        (4 << 20) - 52,
        (4 << 20) - 51,
        4 << 20,
        0x7fff_ffff,
        0x8000_0000,
        U32,
      ])
        create({ ...base(type), valueSize, maxEntries: 1 });
      for (const maxEntries of [
        0,
        1,
        2,
        3,
        100,
        4096,
        1 << 27,
        (1 << 27) + 1,
        1 << 28,
        (1 << 28) + 1,
        1 << 30,
        0x7fff_ffff,
        0x8000_0000,
        0x8000_0001,
        U32,
      ]) {
        // What Linux would allocate for real is not asked of it.
        if (
          maxEntries > 4096 &&
          (maxEntries <= 1 << 28 || type === BpfMapType.ARRAY || type === BpfMapType.PERCPU_ARRAY)
        )
          continue;
        create({ ...base(type), maxEntries });
      }
    }
    expect(twins.taken()).toEqual([]);
  });

  it("flags, one at a time and in pairs", () => {
    for (const type of TYPES) {
      for (let bit = 0; bit < 32; bit++) create({ ...base(type), mapFlags: 2 ** bit });
      const flags = Object.values(BpfMapFlag);
      for (const one of flags)
        for (const other of flags) create({ ...base(type), mapFlags: (one | other) >>> 0 });
    }
    expect(twins.taken()).toEqual([]);
  });

  it("types", () => {
    for (let type = 0; type < 40; type++) {
      // Types that this kernel does not have are no difference of these four.
      if (type !== 0 && type <= 34 && !TYPES.includes(type as 1)) continue;
      create(base(type));
    }
    create(base(U32));
    expect(twins.taken()).toEqual([]);
  });

  it("names", () => {
    for (const name of [
      "",
      "a",
      "abcdefghijklmno",
      "abcdefghijklmnop",
      "a.b_c",
      "A9",
      "a b",
      "a-b",
      "ä",
      "a\0b",
      "\0a",
      "a\n",
    ])
      create({ ...base(1), mapName: utf8(name) });
    expect(twins.taken()).toEqual([]);
  });

  it("nodes, extras, interfaces, inner maps, tokens", () => {
    for (const type of TYPES) {
      for (const mapFlags of [0, BpfMapFlag.NUMA_NODE]) {
        for (const numaNode of [0, 1, 2, 63, 1024, U32]) create({ ...base(type), mapFlags, numaNode });
      }
      create({ ...base(type), mapExtra: 1n });
      create({ ...base(type), mapExtra: 1n << 40n });
      create({ ...base(type), mapIfindex: 1 });
      create({ ...base(type), mapIfindex: 9999 });
      create({ ...base(type), innerMapFd: 1 });
      create({ ...base(type), mapTokenFd: 1 });
      create({ ...base(type), mapTokenFd: 7777, mapFlags: 1 << 16 });
      create({ ...base(type), valueTypeBtfObjFd: 3 });
      create({ ...base(type), valueTypeBtfObjFd: 3, mapFlags: 1 << 15 });
      create({ ...base(type), btfVmlinuxValueTypeId: 1 });
      create({ ...base(type), mapTokenFd: 0, mapFlags: 1 << 16 });
      create({ ...base(type), btfFd: 7777 });
      create({ ...base(type), btfFd: 7777, btfKeyTypeId: 1 });
      create({ ...base(type), btfFd: 7777, btfValueTypeId: 1 });
      create({ ...base(type), btfFd: 7777, btfKeyTypeId: 1, btfValueTypeId: 1 });
      create({ ...base(type), exclProgHashSize: 1 });
      create({ ...base(type), exclProgHash: 1n });
      create({ ...base(type), exclProgHash: new Uint8Array(32), exclProgHashSize: 32 });
      create({ ...base(type), exclProgHash: new Uint8Array(32), exclProgHashSize: 31 });
      create({ ...base(type), exclProgHash: 16n, exclProgHashSize: 32 });
    }
    expect(twins.taken()).toEqual([]);
  });

  it("several mistakes at once", () => {
    const mistakes: Fields[] = [
      { keySize: 0 },
      { valueSize: 0 },
      { valueSize: U32 },
      { maxEntries: 0 },
      { maxEntries: U32 },
      { mapFlags: 0x18 },
      { mapFlags: 0x180 },
      { mapFlags: 2 },
      { mapFlags: 4, numaNode: 99 },
      { mapFlags: 0x4000_0000 },
      { mapName: utf8("a b") },
      { mapExtra: 3n },
      { btfFd: 7777, btfValueTypeId: 1 },
      { btfKeyTypeId: 1 },
      { btfVmlinuxValueTypeId: 2 },
      { mapType: 99 },
      { mapIfindex: 5 },
      { exclProgHashSize: 7 },
    ];
    for (const type of TYPES) {
      for (const one of mistakes) for (const other of mistakes) create({ ...base(type), ...one, ...other });
    }
    expect(twins.taken()).toEqual([]);
  });

  it("sizes of the attribute", () => {
    for (let size = 0; size <= 176; size++) create(base(1), { size });
    for (const size of [177, 192, 512, 4095, 4096, 4097, 65536]) create(base(1), { size });
    for (let at = 0; at < 100; at++) {
      const tail = new Uint8Array(at + 1);
      tail[at] = 1;
      create(base(1), { tail });
    }
    expect(twins.taken()).toEqual([]);
  });
});
