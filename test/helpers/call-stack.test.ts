import { beforeEach, describe, expect, it } from "vitest";
import type { HelperCall, HelperServices } from "../../src/helpers/index.ts";
import { createMap, MAP_HEADER_SIZE, MapField, StackTraces } from "../../src/maps/index.ts";
import { BpfFuncId, BpfMapFlag, BpfMapType, Errno } from "../../src/uapi/index.ts";
import { HelperBench } from "./support.ts";

const USER = 1 << 8;
const FAST = 1 << 9;
const REUSE = 1 << 10;
const BUILD_ID = 1 << 11;
const TASK = 4096;

let bench: HelperBench;
let kernel: bigint[];
let user: bigint[];
let services: HelperServices;

beforeEach(() => {
  bench = new HelperBench();
  kernel = [11n, 12n, 13n, 14n];
  user = [0x1000n, 0x2000n];
  services = {
    ...bench.call.services,
    callChain: (ofUser) => (ofUser ? user : kernel),
    taskStacks: {
      chain: (task, ofUser) => (task === TASK ? (ofUser ? null : [21n]) : ofUser ? user : kernel),
      isCurrent: (task) => task === 2 * TASK,
    },
    filePlace: (address) => (address === 0x1000n ? { buildId: Uint8Array.of(1, 2, 3), offset: 0x34n } : null),
  };
});

/** Calls a host body with these stacks. */
function invoke(id: number, ...args: number[]): number {
  const body = bench.helpers.get(id)!.body;
  if (body.kind !== "host") throw new Error("expected a host body");
  const call: HelperCall = {
    memory: bench.memory,
    cpu: 0,
    context: 0,
    resultHigh: 0,
    services,
    stopped: false,
    callBack: () => false,
  };
  return body.call(call, ...args);
}

function stackMap(maxEntries: number, valueSize: number, flags = 0): number {
  const map = createMap(
    { memory: bench.memory, cpus: 1, bpfMapSize: 64, random: () => 0 },
    { type: BpfMapType.STACK_TRACE, keySize: 4, valueSize, maxEntries, flags },
  );
  if (typeof map === "number") throw new Error(`expected a map, got errno ${map}`);
  return map.offset;
}

const idOf = (map: number, flags: number, high = 0) => invoke(BpfFuncId.get_stackid, 0, map, flags, high);

function stackOf(map: number, id: number, size: number): number[] {
  const [key, to] = [bench.put(Uint8Array.of(id & 0xff, id >> 8, 0, 0)), bench.memory.alloc(size)];
  expect(new StackTraces(bench.memory).extract(map, key, to, false)).toBe(0);
  return [...new BigUint64Array(bench.get(to, size).buffer)].map(Number);
}

describe("bpf_get_stackid", () => {
  it("gives a stack one id, however often it is there", () => {
    const map = stackMap(1024, 64);
    const id = idOf(map, 0);
    expect(idOf(map, 0)).toBe(id);
    expect(stackOf(map, id, 64)).toEqual([11, 12, 13, 14, 0, 0, 0, 0]);
    kernel = [11n, 12n, 13n];
    expect(idOf(map, 0)).not.toBe(id);
  });

  it("leaves frames out from the innermost on, and takes no more than there is room for", () => {
    const map = stackMap(1024, 16);
    expect(stackOf(map, idOf(map, 0), 16)).toEqual([11, 12]);
    expect(stackOf(map, idOf(map, 1), 16)).toEqual([12, 13]);
    expect(stackOf(map, idOf(map, 3), 16)).toEqual([14, 0]);
    expect(idOf(map, 4)).toBe(-Errno.EFAULT);
  });

  it("takes the user's stack where it is asked to", () => {
    const map = stackMap(1024, 16);
    expect(stackOf(map, idOf(map, USER), 16)).toEqual([0x1000, 0x2000]);
    user = [];
    expect(idOf(map, USER)).toBe(-Errno.EFAULT);
  });

  it("lets another stack have its id only where it may be given up", () => {
    const map = stackMap(2, 64);
    // All stacks have one of two ids: of three, two have the same.
    const ids = [1, 2, 3].map((last) => {
      kernel = [BigInt(last)];
      return idOf(map, 0);
    });
    expect(ids).toContain(-Errno.EEXIST);
    const id = idOf(map, REUSE);
    if (id >= 0) expect(stackOf(map, id, 64)[0]).toBe(3);
    else expect(id).toBe(-Errno.ENOMEM);
  });

  it("compares hashes alone where that is enough", () => {
    const map = stackMap(1024, 64);
    const id = idOf(map, 0);
    // Another stack of the same hash, as it would be found.
    const view = bench.memory.view();
    const buckets = view.getUint32(map - MAP_HEADER_SIZE + MapField.BUCKETS, true);
    const entry = view.getUint32(buckets + 4 * id, true);
    view.setBigUint64(entry + 8, 99n, true);
    expect([idOf(map, FAST), idOf(map, 0)]).toEqual([id, -Errno.EEXIST]);
    expect(idOf(map, REUSE)).toBe(id);
    expect(stackOf(map, id, 64)[0]).toBe(11);
  });

  it("keeps build ids and offsets in files", () => {
    const map = stackMap(8, 64, BpfMapFlag.STACK_BUILD_ID);
    const id = idOf(map, USER);
    const [key, to] = [bench.put(Uint8Array.of(id, 0, 0, 0)), bench.memory.alloc(64)];
    expect(new StackTraces(bench.memory).extract(map, key, to, true)).toBe(0);
    const view = new DataView(bench.get(to, 64).buffer);
    expect([view.getInt32(0, true), view.getUint8(4), view.getBigUint64(24, true)]).toEqual([1, 1, 0x34n]);
    expect([view.getInt32(32, true), view.getUint8(36), view.getBigUint64(56, true)]).toEqual([
      2,
      0,
      0x2000n,
    ]);
    expect(new StackTraces(bench.memory).extract(map, key, to, true)).toBe(-Errno.ENOENT);
  });

  it("refuses flags that it does not know", () => {
    const map = stackMap(8, 64);
    expect([idOf(map, BUILD_ID), idOf(map, 1 << 12), idOf(map, 0, 1)]).toEqual([
      -Errno.EINVAL,
      -Errno.EINVAL,
      -Errno.EINVAL,
    ]);
  });
});

describe("bpf_get_task_stack", () => {
  const stack = (task: number, flags: number, size = 16) =>
    invoke(BpfFuncId.get_task_stack, task, bench.memory.alloc(64), size, flags, 0);

  it("gives the kernel's stack of any task, and the user's of the one that runs", () => {
    expect([stack(TASK, 0), stack(2 * TASK, 0), stack(2 * TASK, USER)]).toEqual([8, 16, 16]);
    expect(stack(3 * TASK, USER)).toBe(-Errno.EOPNOTSUPP);
    expect(stack(TASK, USER)).toBe(-Errno.EFAULT);
  });

  it("checks its flags first", () => {
    expect([stack(TASK, BUILD_ID), stack(TASK, FAST), stack(TASK, 0, 12)]).toEqual([
      -Errno.EINVAL,
      -Errno.EINVAL,
      -Errno.EINVAL,
    ]);
    expect(stack(2 * TASK, USER | BUILD_ID, 64)).toBe(64);
  });
});
