import { describe, expect, it } from "vitest";
import { EmbeddedKernel } from "../../src/kernel/index.ts";
import { BpfMapFlag, BpfMapType } from "../../src/uapi/index.ts";
import { sampleBtf } from "./samples.ts";
import { loadText, refusal, u32 } from "./support.ts";

function storage(kernel: EmbeddedKernel, mapType: number): number {
  const { bytes, types } = sampleBtf();
  const btfFd = kernel.btfLoad({ btf: bytes });
  return kernel.mapCreate({
    mapType,
    keySize: 4,
    valueSize: 8,
    maxEntries: 0,
    mapFlags: BpfMapFlag.NO_PREALLOC,
    btfFd,
    btfKeyTypeId: types.int,
    btfValueTypeId: types.pair,
  });
}

const value = (fill: number) => new Uint8Array(8).fill(fill);

describe("values that system calls give objects", () => {
  it.each([
    ["a control group", BpfMapType.CGRP_STORAGE],
    ["a socket", BpfMapType.SK_STORAGE],
  ])("are %s's own, until it ends", (_, mapType) => {
    const kernel = new EmbeddedKernel();
    kernel.port.makeDirectory("/sys/fs/cgroup/app");
    const open = () =>
      mapType === BpfMapType.SK_STORAGE
        ? kernel.port.socket(2, 2, 17)
        : kernel.port.open("/sys/fs/cgroup/app");
    const fd = open();
    const [mapFd, other] = [storage(kernel, mapType), storage(kernel, mapType)];
    const key = u32(fd);
    expect(refusal(() => kernel.mapUpdateElem({ mapFd, key, value: value(1), flags: 2 }))).toBe("ENOENT");
    kernel.mapUpdateElem({ mapFd, key, value: value(1) });
    kernel.mapUpdateElem({ mapFd: other, key, value: value(2) });
    expect(refusal(() => kernel.mapUpdateElem({ mapFd, key, value: value(3), flags: 1 }))).toBe("EEXIST");
    kernel.mapUpdateElem({ mapFd, key, value: value(4), flags: 2 });
    expect([kernel.mapLookupElem({ mapFd, key }), kernel.mapLookupElem({ mapFd: other, key })]).toEqual([
      value(4),
      value(2),
    ]);
    kernel.mapDeleteElem({ mapFd: other, key });
    expect(kernel.mapLookupElem({ mapFd: other, key })).toBeNull();
    kernel.port.close(fd);
    kernel.port.remove("/sys/fs/cgroup/app");
    kernel.port.makeDirectory("/sys/fs/cgroup/app");
    const again = open();
    expect(kernel.mapLookupElem({ mapFd, key: u32(again) })).toBeNull();
  });

  it("of descriptors without a name are shared by all of them", () => {
    const kernel = new EmbeddedKernel();
    const mapFd = storage(kernel, BpfMapType.INODE_STORAGE);
    kernel.mapUpdateElem({ mapFd, key: u32(mapFd), value: value(5) });
    const array = kernel.mapCreate({ mapType: BpfMapType.ARRAY, keySize: 4, valueSize: 8, maxEntries: 1 });
    expect(kernel.mapLookupElem({ mapFd, key: u32(array) })).toEqual(value(5));
    expect(kernel.mapLookupElem({ mapFd, key: u32(1) })).toBeNull();
  });
});

describe("arrays of control groups", () => {
  it("tell programs whether the task that runs is below one", () => {
    const kernel = new EmbeddedKernel();
    for (const path of ["app", "app/worker", "other"]) kernel.port.makeDirectory(`/sys/fs/cgroup/${path}`);
    const mapFd = kernel.mapCreate({
      mapType: BpfMapType.CGROUP_ARRAY,
      keySize: 4,
      valueSize: 4,
      maxEntries: 4,
    });
    ["", "/app", "/other"].forEach((path, index) => {
      const fd = kernel.port.open(`/sys/fs/cgroup${path}`);
      kernel.mapUpdateElem({ mapFd, key: u32(index), value: u32(fd) });
      // The array keeps the group.
      kernel.port.close(fd);
    });
    const progFd = loadText(
      kernel,
      "raw_tracepoint",
      `r2 = *(u64 *)(r1 + 0)
       r1 = map[id:${mapFd}]
       call bpf_current_task_under_cgroup
       exit`,
    );
    const under = (index: number) => {
      const ctxIn = new Uint8Array(BigUint64Array.of(BigInt(index)).buffer);
      return kernel.progTestRun({ progFd, ctxIn }).retval | 0;
    };
    expect([0, 1, 2, 3, 4].map(under)).toEqual([1, 0, 0, -11, -7]);
    kernel.task.cgroup = kernel.cgroups.find("/app/worker")!;
    expect([0, 1, 2].map(under)).toEqual([1, 1, 0]);
    kernel.mapDeleteElem({ mapFd, key: u32(1) });
    expect(under(1)).toBe(-11);
  });
});
