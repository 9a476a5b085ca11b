import { describe, expect, it } from "vitest";
import { EmbeddedKernel } from "../../src/kernel/index.ts";
import { mapInfo } from "../../src/sys/index.ts";
import { BpfMapFlag, BpfMapType } from "../../src/uapi/index.ts";
import { FRAME, loadText, refusal, u32 } from "./support.ts";

const array = { mapType: BpfMapType.ARRAY, keySize: 4, valueSize: 4, maxEntries: 2 };

function outer(kernel: EmbeddedKernel, mapType: number, innerMapFd: number, more = {}): number {
  return kernel.mapCreate({ mapType, keySize: 4, valueSize: 4, maxEntries: 3, innerMapFd, ...more });
}

/** Looks up an inner map under a key, and in it element 1; 77 where there is no such map. */
const look = (mapFd: number, key: number) => `
  *(u32 *)(r10 - 4) = ${key}
  r1 = map[id:${mapFd}]
  r2 = r10
  r2 += -4
  call bpf_map_lookup_elem
  if r0 == 0 goto none
  *(u32 *)(r10 - 4) = 1
  r1 = r0
  r2 = r10
  r2 += -4
  call bpf_map_lookup_elem
  if r0 == 0 goto none
  r0 = *(u32 *)(r0 + 0)
  exit
none:
  r0 = 77
  exit`;

describe.each([
  ["an array of maps", BpfMapType.ARRAY_OF_MAPS],
  ["a hash of maps", BpfMapType.HASH_OF_MAPS],
])("%s", (_, mapType) => {
  it.each([false, true])("gives programs the maps that system calls put in (lenient: %s)", (lenient) => {
    const kernel = new EmbeddedKernel({ lenient });
    const [one, two] = [kernel.mapCreate(array), kernel.mapCreate(array)];
    kernel.mapUpdateElem({ mapFd: one, key: u32(1), value: u32(11) });
    kernel.mapUpdateElem({ mapFd: two, key: u32(1), value: u32(22) });
    const mapFd = outer(kernel, mapType, one);
    const text = look(mapFd, 2);
    const progFd = loadText(kernel, "xdp", text);
    const run = () => kernel.progTestRun({ progFd, dataIn: FRAME }).retval;
    expect(run()).toBe(77);
    kernel.mapUpdateElem({ mapFd, key: u32(2), value: u32(one) });
    expect(run()).toBe(11);
    kernel.mapUpdateElem({ mapFd, key: u32(2), value: u32(two) });
    expect(run()).toBe(22);
    expect(kernel.mapLookupElem({ mapFd, key: u32(2) })).toEqual(u32(mapInfo(kernel, two).id));
    kernel.mapDeleteElem({ mapFd, key: u32(2) });
    expect(run()).toBe(77);
    expect(kernel.mapLookupElem({ mapFd, key: u32(2) })).toBeNull();
    expect(kernel.mapDeleteElem({ mapFd, key: u32(2) })).toBe(false);
  });

  it("keeps its maps alive, each as long as a place holds it", () => {
    const kernel = new EmbeddedKernel();
    const alive = () => {
      let count = 0;
      for (let id = kernel.mapGetNextId({ startId: 0 }); id !== null; count++) {
        id = kernel.mapGetNextId({ startId: id });
      }
      return count;
    };
    const round = () => {
      const inner = kernel.mapCreate(array);
      const mapFd = outer(kernel, mapType, inner);
      kernel.mapUpdateElem({ mapFd, key: u32(0), value: u32(inner) });
      kernel.mapUpdateElem({ mapFd, key: u32(1), value: u32(inner) });
      kernel.close(inner);
      kernel.mapDeleteElem({ mapFd, key: u32(0) });
      expect(alive()).toBe(2);
      kernel.mapDeleteElem({ mapFd, key: u32(1) });
      expect(alive()).toBe(1);
      const other = kernel.mapCreate(array);
      kernel.mapUpdateElem({ mapFd, key: u32(1), value: u32(other) });
      kernel.close(other);
      kernel.close(mapFd);
      expect(alive()).toBe(0);
      kernel.close(kernel.mapCreate(array));
      return kernel.memoryUsed;
    };
    // What is made for a shape once stays; and a block may be a little larger than what is asked for.
    round();
    const before = round();
    for (let i = 0; i < 10; i++) round();
    expect(round()).toBe(before);
  });

  it("refuses what is no map, and maps unlike the others", () => {
    const kernel = new EmbeddedKernel();
    const inner = kernel.mapCreate(array);
    const mapFd = outer(kernel, mapType, inner);
    const put = (value: number, key = 0, flags = 0n) =>
      refusal(() => kernel.mapUpdateElem({ mapFd, key: u32(key), value: u32(value), flags }));
    expect(put(99)).toBe("EBADF");
    expect(put(loadText(kernel, "xdp", "r0 = 0\nexit"))).toBe("EINVAL");
    expect(put(kernel.mapCreate({ ...array, valueSize: 8 }))).toBe("EINVAL");
    expect(put(kernel.mapCreate({ ...array, maxEntries: 3 }))).toBe("EINVAL");
    expect(put(kernel.mapCreate({ ...array, mapFlags: BpfMapFlag.RDONLY_PROG }))).toBe("EINVAL");
    expect(put(kernel.mapCreate({ ...array, mapType: BpfMapType.HASH }))).toBe("EINVAL");
    expect(put(mapFd)).toBe("EINVAL");
    const exists = mapType === BpfMapType.ARRAY_OF_MAPS ? "EINVAL" : "ENOENT";
    expect(put(inner, 0, 2n)).toBe(exists);
    expect(put(inner)).toBe("granted");
    expect(refusal(() => kernel.mapLookupAndDeleteElem({ mapFd, key: u32(0) }))).not.toBe("granted");
    expect(kernel.mapLookupElem({ mapFd, key: u32(0) })).not.toBeNull();
  });

  it("is read in batches as ids", () => {
    const kernel = new EmbeddedKernel();
    const inner = kernel.mapCreate(array);
    const mapFd = outer(kernel, mapType, inner);
    kernel.mapUpdateElem({ mapFd, key: u32(2), value: u32(inner) });
    const { keys, values, count } = kernel.mapLookupBatch({ mapFd, position: null, count: 3 });
    expect([count, [...keys], values[0]]).toEqual([1, [2, 0, 0, 0], mapInfo(kernel, inner).id]);
  });
});

describe("maps in maps", () => {
  it("arrays that were made for it may differ in length", () => {
    const kernel = new EmbeddedKernel();
    const flexible = { ...array, mapFlags: BpfMapFlag.INNER_MAP };
    const mapFd = outer(kernel, BpfMapType.HASH_OF_MAPS, kernel.mapCreate(flexible));
    const longer = kernel.mapCreate({ ...flexible, maxEntries: 9 });
    kernel.mapUpdateElem({ mapFd, key: u32(0), value: u32(longer) });
    expect(kernel.mapLookupElem({ mapFd, key: u32(0) })).not.toBeNull();
  });

  it("some types are never in one", () => {
    const kernel = new EmbeddedKernel();
    const programs = kernel.mapCreate({ ...array, mapType: BpfMapType.PROG_ARRAY });
    expect(refusal(() => outer(kernel, BpfMapType.ARRAY_OF_MAPS, programs))).toBe("ENOTSUPP");
  });

  it("an array: index out of bounds", () => {
    const kernel = new EmbeddedKernel();
    const inner = kernel.mapCreate(array);
    const mapFd = outer(kernel, BpfMapType.ARRAY_OF_MAPS, inner);
    expect(refusal(() => kernel.mapUpdateElem({ mapFd, key: u32(3), value: u32(inner) }))).toBe("E2BIG");
    expect(refusal(() => kernel.mapDeleteElem({ mapFd, key: u32(3) }))).toBe("E2BIG");
  });

  it("programs that nobody has verified do not get at the places of a hash", () => {
    const kernel = new EmbeddedKernel({ lenient: true });
    const inner = kernel.mapCreate(array);
    const mapFd = outer(kernel, BpfMapType.HASH_OF_MAPS, inner, { maxEntries: 1 });
    kernel.mapUpdateElem({ mapFd, key: u32(0), value: u32(inner) });
    const text = `${look(mapFd, 0).split("if r0")[0]}\nr0 = *(u64 *)(r0 + 4096)\nexit`;
    const progFd = loadText(kernel, "xdp", text);
    expect(refusal(() => kernel.progTestRun({ progFd, dataIn: FRAME }))).toBe("EFAULT");
  });
});
