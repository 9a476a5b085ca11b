import { describe, expect, it } from "vitest";
import { SpecialField } from "../../src/btf/index.ts";
import { createMap, MapCode, type SpecialFields } from "../../src/maps/index.ts";
import { createKernelMemory } from "../../src/mem/index.ts";
import { BpfMapType, Errno } from "../../src/uapi/index.ts";
import { FieldType } from "../../src/verifier/index.ts";

const RECORD: SpecialFields = {
  fields: [
    { offset: 8, size: 4, type: SpecialField.SPIN_LOCK, root: null },
    { offset: 16, size: 16, type: SpecialField.TIMER, root: null },
  ],
  mask: SpecialField.SPIN_LOCK | SpecialField.TIMER,
};

/** A map whose values have a lock and a timer, and what has ended in it: offsets of values. */
function mapOf(type: number, flags = 0) {
  const memory = createKernelMemory({ maximumPages: 256 });
  const ended: number[] = [];
  const freeFields = (_map: number, value: number) => void ended.push(value >>> 0);
  const code = new MapCode(memory, undefined, freeFields);
  const storage = createMap(
    { memory, cpus: 1, bpfMapSize: 64, random: () => 7, code, freeFields },
    { type, keySize: 4, valueSize: 40, maxEntries: 4, flags, record: RECORD },
  );
  if (typeof storage === "number") throw new Error(`expected a map, got ${storage}`);
  const [key, value] = [memory.alloc(8), memory.alloc(40)];
  const operations = code.operations(storage.shape);
  const update = (byte: number, how = 0) => {
    memory.bytes().fill(byte, value, value + 40);
    return operations.update(storage.offset, key, value, how, 0);
  };
  const find = () => operations.lookup(storage.offset, key, 0) >>> 0;
  const read = () => [...memory.bytes().slice(find(), find() + 40)];
  return { memory, ended, storage, operations, key, update, find, read };
}

const written = (byte: number, special: number) => [
  ...new Array(8).fill(byte),
  ...new Array(4).fill(special),
  ...new Array(4).fill(byte),
  ...new Array(16).fill(special),
  ...new Array(8).fill(byte),
];

describe("special fields", () => {
  it("have the verifier's numbers", () => {
    expect(SpecialField).toEqual(FieldType);
  });

  it.each([
    ["array", BpfMapType.ARRAY, 0],
    ["hash", BpfMapType.HASH, 0],
    ["hash without preallocation", BpfMapType.HASH, 1],
    ["LRU hash", BpfMapType.LRU_HASH, 0],
    ["LRU hash of each CPU's lists", BpfMapType.LRU_HASH, 2],
  ])("of an %s are not written by an update, and end with the value that they were in", (_, type, flags) => {
    const sut = mapOf(type, flags);
    expect(sut.update(3)).toBe(0);
    expect(sut.read()).toEqual(written(3, 0));
    const before = sut.find();
    sut.ended.length = 0;
    sut.memory.bytes().fill(1, before + 16, before + 32);
    expect(sut.update(4)).toBe(0);
    expect(sut.ended).toEqual([before]);
    // An array's value stays where it is, and its fields are for the kernel to clear.
    expect(sut.read()).toEqual(
      type === BpfMapType.ARRAY ? [...written(4, 0).fill(1, 16, 32)] : written(4, 0),
    );
  });

  it("stay what they are where a value is replaced under its lock", () => {
    const sut = mapOf(BpfMapType.HASH);
    expect(sut.update(3, 4)).toBe(0);
    const before = sut.find();
    sut.memory.bytes().fill(1, before + 16, before + 32);
    sut.ended.length = 0;
    expect(sut.update(4, 4)).toBe(0);
    expect(sut.find()).toBe(before);
    expect(sut.read()).toEqual([...written(4, 0).fill(1, 16, 32)]);
    expect(sut.ended).toEqual([]);
    expect(sut.update(4, 5)).toBe(-Errno.EEXIST);
    expect(sut.update(4, 7)).toBe(-Errno.EINVAL);
  });

  it("end where the element is deleted, and where the map ends", () => {
    const sut = mapOf(BpfMapType.HASH);
    sut.update(3);
    const before = sut.find();
    sut.ended.length = 0;
    expect(sut.operations.delete(sut.storage.offset, sut.key)).toBe(0);
    expect(sut.ended).toEqual([before]);
    sut.update(3);
    sut.ended.length = 0;
    sut.storage.close();
    expect(sut.ended.length).toBe(1);
  });

  it("end where the element is evicted, and take no lock in a table that evicts", () => {
    const sut = mapOf(BpfMapType.LRU_HASH);
    expect(sut.update(3, 4)).toBe(-Errno.EINVAL);
    const values: number[] = [];
    for (let key = 0; key < 4; key++) {
      sut.memory.words()[sut.key >>> 2] = key;
      sut.update(key);
      values.push(sut.find());
    }
    sut.ended.length = 0;
    sut.memory.words()[sut.key >>> 2] = 4;
    expect(sut.update(4)).toBe(0);
    // A CPU takes half of what is its share at once: the two oldest of four.
    expect(sut.ended).toEqual(values.slice(0, 2));
    expect(sut.ended).toContain(sut.find());
    expect(sut.storage.count).toBe(3);
  });
});
