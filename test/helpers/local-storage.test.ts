import { beforeEach, describe, expect, it } from "vitest";
import { createMap, LocalStorage } from "../../src/maps/index.ts";
import { addressOf, RegionAccess } from "../../src/mem/index.ts";
import { BpfFuncId, BpfMapFlag, BpfMapType, Errno } from "../../src/uapi/index.ts";
import { HelperBench } from "./support.ts";

let bench: HelperBench;
beforeEach(() => {
  bench = new HelperBench();
});

function map(
  type: number,
  fields: { keySize?: number; valueSize?: number; maxEntries?: number; flags?: number } = {},
) {
  const shape = { keySize: 4, valueSize: 12, maxEntries: 0, flags: BpfMapFlag.NO_PREALLOC, ...fields };
  const environment = { memory: bench.memory, cpus: 1, bpfMapSize: 64, random: () => 0 };
  const created = createMap(environment, { type, ...shape });
  if (typeof created === "number") throw new Error(`expected a map, got errno ${created}`);
  return created;
}

const struct = (type: string) =>
  bench.block(bench.layout.sizeOf(type) + 64, RegionAccess.READ, `struct ${type}`);

describe.each([
  ["task", BpfMapType.TASK_STORAGE, "task_struct", BpfFuncId.task_storage_get, BpfFuncId.task_storage_delete],
  ["cgrp", BpfMapType.CGRP_STORAGE, "cgroup", BpfFuncId.cgrp_storage_get, BpfFuncId.cgrp_storage_delete],
] as const)("bpf_%s_storage_get and _delete", (_, mapType, type, get, remove) => {
  it("keep one value for each map and object", () => {
    const [one, other] = [struct(type), struct(type)];
    const { offset } = map(mapType);
    expect([bench.invoke(get, offset, one, 0, 0n), bench.invoke(get, offset, 0, 0, 1n)]).toEqual([0, 0]);
    const from = bench.put(Uint8Array.from({ length: 12 }, (_, i) => i + 1));
    const value = bench.invoke(get, offset, one, from, 1n);
    expect([...bench.get(value, 12)]).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    expect(bench.invoke(get, offset, one, 0, 1n)).toBe(value);
    expect(bench.invoke(get, offset, other, 0, 1n)).not.toBe(value);
    expect(bench.invoke(get, offset, one, 0, 2n)).toBe(0);
    expect([bench.invoke(remove, offset, one), bench.invoke(remove, offset, one)]).toEqual([
      0,
      -Errno.ENOENT,
    ]);
    expect(bench.invoke(remove, offset, 0)).toBe(-Errno.EINVAL);
  });

  it("take no map of another type, and no object that is not there", () => {
    const { offset } = map(BpfMapType.SK_STORAGE);
    const at = struct(type);
    expect(bench.invoke(get, offset, at, 0, 1n)).toBe(0);
    expect(bench.invoke(get, map(mapType).offset, at + 4096, 0, 1n)).toBe(0);
  });
});

describe("values that maps have for objects", () => {
  it("are replaced, and end with the map or the object", () => {
    const storage = new LocalStorage(bench.memory);
    const { offset } = map(BpfMapType.TASK_STORAGE);
    const owner = bench.put(new Uint8Array(8));
    const from = bench.put(new Uint8Array(12).fill(7));
    expect(storage.update(owner, offset, from, 2)).toBe(-Errno.ENOENT);
    expect(storage.update(owner, offset, from, 1)).toBe(0);
    const before = storage.find(owner, offset);
    expect(storage.update(owner, offset, from, 1)).toBe(-Errno.EEXIST);
    expect(storage.update(owner, offset, from, 3)).toBe(-Errno.EINVAL);
    expect(storage.update(owner, offset, from, 2)).toBe(0);
    expect(storage.find(owner, offset)).not.toBe(before);
    expect([...storage.valuesOf(offset)]).toEqual([storage.find(owner, offset)]);
    storage.clearMap(offset);
    expect(storage.find(owner, offset)).toBe(0);
    storage.update(owner, offset, from, 0);
    storage.clearOwner(owner);
    expect([...storage.valuesOf(offset)]).toEqual([]);
  });
});

describe("arrays of control groups", () => {
  it("tell what is below a group", () => {
    const { layout } = bench;
    const array = map(BpfMapType.CGROUP_ARRAY, { valueSize: 4, maxEntries: 4, flags: 0 });
    const groups = [0, 1, 2].map(() => struct("cgroup"));
    const [beside, socket, skb] = [struct("cgroup"), struct("sock"), struct("sk_buff")];
    const view = bench.memory.view();
    const lay = (group: number, ancestors: number[]) => {
      view.setInt32(group + layout.offset("cgroup.level"), ancestors.length - 1, true);
      ancestors.forEach((at, i) => {
        view.setBigUint64(group + layout.offset("cgroup.ancestors") + 8 * i, addressOf(at), true);
      });
    };
    for (const [i, group] of groups.entries()) lay(group, groups.slice(0, i + 1));
    lay(beside, [groups[0]!, beside]);
    for (const [i, group] of [groups[0]!, groups[1]!, beside].entries()) {
      view.setUint32(array.values + 4 * i, group, true);
    }
    view.setBigUint64(socket + layout.offset("sock.sk_cgrp_data"), addressOf(groups[2]!), true);
    const under = (index: number) => bench.invoke(BpfFuncId.skb_under_cgroup, skb, array.offset, index);
    expect(under(0)).toBe(-Errno.ENOENT);
    view.setBigUint64(skb + layout.offset("sk_buff.sk"), addressOf(socket), true);
    expect([0, 1, 2, 3, 4].map(under)).toEqual([1, 1, 0, -Errno.EAGAIN, -Errno.E2BIG]);
    const current = (index: number) => bench.invoke(BpfFuncId.current_task_under_cgroup, array.offset, index);
    // Without a task it is the root's.
    expect([0, 1, 3, 4].map(current)).toEqual([1, 0, -Errno.EAGAIN, -Errno.E2BIG]);
  });
});
