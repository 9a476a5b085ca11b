import { describe, expect, it } from "vitest";
import { EmbeddedKernel } from "../../src/kernel/index.ts";
import { BpfMapType } from "../../src/uapi/index.ts";
import { FRAME, loadText, refusal } from "./support.ts";

const KEY = new Uint8Array(16);

/** Adds 5 to the storage, and gives it back. */
const count = (mapFd: number) => `
  r1 = map[id:${mapFd}]
  r2 = 0
  call bpf_get_local_storage
  r1 = *(u32 *)(r0 + 0)
  r1 += 5
  *(u32 *)(r0 + 0) = r1
  r0 = r1
  r0 &= 1
  exit`;

describe.each([
  ["shared", BpfMapType.CGROUP_STORAGE],
  ["per CPU", BpfMapType.PERCPU_CGROUP_STORAGE],
])("storage of cgroups, %s", (_, mapType) => {
  const create = (kernel: EmbeddedKernel) =>
    kernel.mapCreate({ mapType, keySize: 16, valueSize: 12, maxEntries: 0 });

  it("is the same in all repeats of a test run, and new in the next", () => {
    const kernel = new EmbeddedKernel({ cpus: 3 });
    const progFd = loadText(kernel, "cgroup_skb", count(create(kernel)));
    const run = (repeat: number) => kernel.progTestRun({ progFd, dataIn: FRAME, repeat }).retval;
    expect([run(1), run(2), run(1), run(4)]).toEqual([1, 0, 1, 0]);
  });

  it("is gone after the run, and no element of the map", () => {
    const kernel = new EmbeddedKernel();
    const mapFd = create(kernel);
    const progFd = loadText(kernel, "cgroup_skb", count(mapFd));
    kernel.progTestRun({ progFd, dataIn: FRAME });
    const before = kernel.memoryUsed;
    kernel.progTestRun({ progFd, dataIn: FRAME });
    expect(kernel.memoryUsed).toBe(before);
    expect(kernel.mapLookupElem({ mapFd, key: KEY })).toBeNull();
    expect(kernel.mapGetNextKey({ mapFd, key: null })).toBeNull();
    const value = new Uint8Array(16);
    expect(refusal(() => kernel.mapUpdateElem({ mapFd, key: KEY, value }))).toBe("ENOENT");
    expect(refusal(() => kernel.mapUpdateElem({ mapFd, key: KEY, value, flags: 1n }))).toBe("EINVAL");
    expect(refusal(() => kernel.mapDeleteElem({ mapFd, key: KEY }))).toBe("EINVAL");
    expect(refusal(() => kernel.mapLookupBatch({ mapFd, position: null, count: 1 }))).toBe("ENOTSUPP");
  });
});
