import { afterAll, expect, it } from "vitest";
import { progInfo } from "../../src/sys/index.ts";
import { BpfMapType } from "../../src/uapi/index.ts";
import { describeWith, liveKernel } from "../support/referee.ts";
import { debugFields, frame, load, loadFields, loadSample, runPacket } from "./programs.ts";
import { type Pair, room, type Side, Twins } from "./twins.ts";

const word = (value: number) => new Uint8Array(Uint32Array.of(value).buffer);

describeWith([liveKernel("6.18")], "program arrays and tail calls as Linux", async () => {
  const twins = await Twins.meet();
  afterAll(() => twins[Symbol.dispose]());
  const check = () => expect(twins.taken()).toEqual([]);
  const make = (more: Record<string, number> = {}) =>
    twins.mustOpen("MAP_CREATE", {
      mapType: BpfMapType.PROG_ARRAY,
      keySize: 4,
      valueSize: 4,
      maxEntries: 4,
      ...more,
    });
  const descriptor = (pair: Pair) => (side: Side) => word(side.of(pair));
  const put = (map: Pair, at: number, program: Pair, flags = 0) =>
    twins.call(
      "MAP_UPDATE_ELEM",
      { mapFd: map, key: word(at), value: descriptor(program), flags },
      { ignore: ["value"] },
    );
  const JUMP = (index: string) => `r6 = r1\nr2 = %0\n${index}\ncall bpf_tail_call\nr0 = 99\nexit`;

  it("creation", () => {
    for (const fields of [
      { valueSize: 8 },
      { keySize: 8 },
      { maxEntries: 0 },
      { mapFlags: 1 },
      { mapFlags: 8 },
      { mapFlags: 128 },
      { mapFlags: 1024 },
      { mapFlags: 2 },
    ]) {
      const map = twins.open("MAP_CREATE", {
        mapType: BpfMapType.PROG_ARRAY,
        keySize: 4,
        valueSize: 4,
        maxEntries: 4,
        ...fields,
      });
      if (map !== null) twins.close(map);
    }
    check();
  });

  it("elements", () => {
    const map = make();
    const program = load(twins, "xdp", "r0 = 1\nexit");
    const other = load(twins, "sched_cls", "r0 = 1\nexit");
    const key = word(1);
    for (const flags of [0, 1, 2, 4, 8]) put(map, 1, program, flags);
    for (const at of [0, 3, 4, 0xffff_ffff]) put(map, at, program);
    put(map, 2, other);
    for (const value of [0, 7777, 0xffff_ffff])
      twins.call("MAP_UPDATE_ELEM", { mapFd: map, key, value: word(value) });
    twins.call("MAP_UPDATE_ELEM", { mapFd: map, key, value: descriptor(map) }, { ignore: ["value"] });
    for (const at of [0, 1, 2, 4])
      twins.call("MAP_LOOKUP_ELEM", { mapFd: map, key: word(at), value: room(8) }, { ignore: ["value"] });
    twins.both("the id is the program's", (side) => {
      const value = side.sys.mapLookupElem({ mapFd: side.of(map), key });
      return new DataView(value!.buffer).getUint32(0, true) === progInfo(side.sys, side.of(program)).id;
    });
    for (const at of [0, 0, 4, 2]) twins.call("MAP_DELETE_ELEM", { mapFd: map, key: word(at) });
    for (const at of [0, 2, 3, 9])
      twins.call("MAP_GET_NEXT_KEY", { mapFd: map, key: word(at), nextKey: room(4) });
    twins.call("MAP_LOOKUP_AND_DELETE_ELEM", { mapFd: map, key, value: room(8) });
    for (const command of [
      "MAP_LOOKUP_BATCH",
      "MAP_LOOKUP_AND_DELETE_BATCH",
      "MAP_UPDATE_BATCH",
      "MAP_DELETE_BATCH",
    ] as const)
      twins.call(command, { mapFd: map, keys: word(1), values: word(1), outBatch: room(4), count: 1 });
    twins.call("MAP_FREEZE", { mapFd: map });
    put(map, 1, program);
    for (const pair of [map, program, other]) twins.close(pair);
    check();
  });

  it("kinds of programs", () => {
    const map = make();
    const user = load(twins, "xdp", JUMP("r3 = 0"), { maps: [map] });
    for (const type of ["sched_cls", "socket_filter", "xdp"]) {
      const program = load(twins, type, "r0 = 1\nexit");
      put(map, 0, program);
      twins.close(program);
      const uses = twins.open("PROG_LOAD", loadFields(type, JUMP("r3 = 0"), { maps: [map] }), {
        ignore: ["insns", "logTrueSize"],
      });
      if (uses !== null) twins.close(uses);
    }
    twins.close(user);
    twins.close(map);
    check();
  });

  it("calls", () => {
    const { btf, types } = loadSample(twins);
    for (const type of ["xdp", "sched_cls", "socket_filter"]) {
      const map = make();
      const target = load(twins, type, "r0 = 41\nexit");
      const length = load(
        twins,
        type,
        type === "xdp"
          ? "r0 = *(u32 *)(r1 + 4)\nr1 = *(u32 *)(r1 + 0)\nr0 -= r1\nexit"
          : "r0 = *(u32 *)(r1 + 0)\nexit",
      );
      const self = load(twins, type, JUMP("r3 = 2"), { maps: [map] });
      put(map, 0, target);
      put(map, 1, length);
      put(map, 2, self);
      for (const index of [
        "r3 = 0",
        "r3 = 1",
        "r3 = 2",
        "r3 = 3",
        "r3 = 4",
        "r3 = -1",
        "r3 = 0x100000000 ll",
        "r3 = 0x100000004 ll",
      ]) {
        const program = load(twins, type, JUMP(index), { maps: [map] });
        runPacket(twins, program, frame());
        twins.close(program);
      }
      // From a function; and how often: each call adds one to a counter.
      const counter = twins.mustOpen("MAP_CREATE", {
        mapType: BpfMapType.ARRAY,
        keySize: 4,
        valueSize: 8,
        maxEntries: 1,
      });
      const counting = load(
        twins,
        type,
        "r6 = %1[0]+0\nr7 = *(u64 *)(r6 + 0)\nr7 += 1\n*(u64 *)(r6 + 0) = r7\nr2 = %0\nr3 = 3\ncall bpf_tail_call\nr0 = 7\nexit",
        { maps: [map, counter] },
      );
      put(map, 3, counting);
      const deep = load(
        twins,
        type,
        "call f\nr0 += 1\nexit\nf: r2 = %0\nr3 = 3\ncall bpf_tail_call\nr0 = 5\nexit",
        {
          maps: [map],
          fields: debugFields(btf, [
            [0, types.main],
            [3, types.sub],
          ]),
        },
      );
      for (const program of [counting, deep]) {
        runPacket(twins, program, frame());
        twins.call("MAP_LOOKUP_ELEM", { mapFd: counter, key: word(0), value: room(8) });
      }
      for (const pair of [map, target, length, self, counter, counting, deep]) twins.close(pair);
    }
    check();
  });

  it("programs in an array live as long as it can be reached", () => {
    const map = make();
    const program = load(twins, "xdp", JUMP("r3 = 0"), { maps: [map] });
    const id = twins.pair((side) => progInfo(side.sys, side.of(program)).id);
    put(map, 0, program);
    twins.close(program);
    const again = twins.mustOpen("PROG_GET_FD_BY_ID", { progId: id });
    twins.close(again);
    twins.close(map);
    twins.both("gone", (side) => {
      // Linux frees it after a grace period.
      for (let tries = 0; tries < 200; tries++) {
        try {
          side.sys.close(side.sys.progGetFdById({ id: side.of(id) }));
        } catch {
          return true;
        }
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
      }
      return false;
    });
    check();
  });
});
