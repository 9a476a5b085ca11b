import { readFileSync } from "node:fs";
import { afterAll, expect, it } from "vitest";
import { BtfKind } from "../../src/btf/index.ts";
import { BpfMapFlag, BpfMapType } from "../../src/uapi/index.ts";
import { describeWith, liveKernel } from "../support/referee.ts";
import { KernelTypes } from "../verifier/support/kernel-types.ts";
import { sampleBtf } from "./samples.ts";
import { room, Twins } from "./twins.ts";

const word = (value: number) => new Uint8Array(Uint32Array.of(value).buffer);

describeWith([liveKernel("6.18")], "maps of operations, as Linux", async () => {
  const { btf } = new KernelTypes(new Uint8Array(readFileSync("/sys/kernel/btf/vmlinux")));
  const twins = await Twins.meet({ btf });
  afterAll(() => twins[Symbol.dispose]());
  const idOf = (name: string) => btf.findByName(name, BtfKind.STRUCT);
  const value = idOf("bpf_struct_ops_tcp_congestion_ops");
  const size = btf.size(value);
  // The object that it is of has types of its own.
  const sample = sampleBtf().bytes;
  const btfFd = twins.mustOpen("BTF_LOAD", { btf: sample, btfSize: sample.length });
  const base = { mapType: BpfMapType.STRUCT_OPS, keySize: 4, valueSize: size, maxEntries: 1, btfFd };

  it("are made by their rules", () => {
    const attempts: Record<string, number | bigint>[] = [{}];
    for (const keySize of [0, 8]) attempts.push({ keySize });
    for (const valueSize of [0, size - 8, size + 8]) attempts.push({ valueSize });
    for (const maxEntries of [0, 2]) attempts.push({ maxEntries });
    for (const name of ["tcp_congestion_ops", "task_struct", "bpf_struct_ops_common"]) {
      attempts.push({ btfFd: 0 }, { btfFd: 4321 });
      attempts.push({ btfVmlinuxValueTypeId: idOf(name), valueSize: btf.size(idOf(name)) });
    }
    attempts.push(
      { btfVmlinuxValueTypeId: 0 },
      { btfVmlinuxValueTypeId: btf.count + 7 },
      { btfKeyTypeId: 1 },
    );
    for (let bit = 0; bit < 20; bit++)
      if (1 << bit !== BpfMapFlag.NUMA_NODE) attempts.push({ mapFlags: 1 << bit });
    for (const fields of attempts) {
      const map = twins.open("MAP_CREATE", { ...base, btfVmlinuxValueTypeId: value, ...fields });
      if (map !== null) twins.close(map);
    }
    expect(twins.taken()).toEqual([]);
  });

  it("that nobody has registered are read as zeros", () => {
    for (const mapFlags of [0, BpfMapFlag.LINK]) {
      const mapFd = twins.mustOpen("MAP_CREATE", { ...base, btfVmlinuxValueTypeId: value, mapFlags });
      for (const key of [word(0), word(1)]) {
        for (const flags of [0n, 1n, 2n, 4n, 1n << 32n]) {
          twins.call("MAP_LOOKUP_ELEM", { mapFd, key, value: room(size), flags });
          // Neither a state nor a count is the user's to give.
          twins.call("MAP_UPDATE_ELEM", { mapFd, key, value: room(size), flags });
          twins.call("MAP_LOOKUP_AND_DELETE_ELEM", { mapFd, key, value: room(size), flags });
        }
        twins.call("MAP_DELETE_ELEM", { mapFd, key });
        twins.call("MAP_GET_NEXT_KEY", { mapFd, key, nextKey: room(4) });
      }
      twins.call("MAP_GET_NEXT_KEY", { mapFd, key: 0n, nextKey: room(4) });
      for (const command of ["MAP_LOOKUP_BATCH", "MAP_UPDATE_BATCH", "MAP_DELETE_BATCH"] as const) {
        twins.call(command, { mapFd, keys: word(0), values: room(size), outBatch: room(4), count: 1 });
      }
      twins.call("MAP_FREEZE", { mapFd });
      twins.close(mapFd);
    }
    expect(twins.taken()).toEqual([]);
  });
});
