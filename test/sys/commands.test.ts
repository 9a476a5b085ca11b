import { describe, expect, it } from "vitest";
import { BtfBuilder } from "../../src/btf/index.ts";
import { EmbeddedKernel } from "../../src/kernel/index.ts";
import {
  attrOffset,
  BpfCommands,
  btfInfo,
  decodeAttr,
  decodeStruct,
  Errno,
  encodeAttr,
  encodeStruct,
  type MapBatch,
  mapInfo,
  type Port,
  progInfo,
} from "../../src/sys/index.ts";
import { BpfCmd, BpfMapType, BpfProgType, bpfProgInfo, Errno as E } from "../../src/uapi/index.ts";

const KEY = (value: number) => new Uint8Array(Uint32Array.of(value).buffer);
const EXIT = Uint8Array.of(0xb7, 0, 0, 0, 2, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0);

/** A kernel that passes every call on, and remembers it. */
function listening(kernel: EmbeddedKernel) {
  const calls: { command: number; attr: Uint8Array; result: number }[] = [];
  const inner = kernel.port;
  const port: Port = Object.create(inner, {
    memory: { value: inner.memory },
    bpf: {
      value: (command: number, attr: Uint8Array, size: number) => {
        const result = inner.bpf(command, attr, size);
        calls.push({ command, attr: attr.slice(), result });
        return result;
      },
    },
    readFile: { value: (path: string) => inner.readFile(path) },
  });
  return { sys: new BpfCommands(port), calls };
}

const hash = (sys: BpfCommands, maxEntries = 8) =>
  sys.mapCreate({ mapType: BpfMapType.HASH, keySize: 4, valueSize: 8, maxEntries });

describe("maps", () => {
  it("gives null for a miss, false for nothing to delete, and throws for all else", () => {
    const sys = new EmbeddedKernel();
    const mapFd = hash(sys);
    expect(sys.mapLookupElem({ mapFd, key: KEY(1) })).toBeNull();
    expect(sys.mapGetNextKey({ mapFd, key: null })).toBeNull();
    expect(sys.mapDeleteElem({ mapFd, key: KEY(1) })).toBe(false);
    sys.mapUpdateElem({ mapFd, key: KEY(1), value: new Uint8Array(8).fill(7) });
    expect(sys.mapLookupElem({ mapFd, key: KEY(1) })).toEqual(new Uint8Array(8).fill(7));
    expect(sys.mapGetNextKey({ mapFd, key: null })).toEqual(KEY(1));
    expect(sys.mapDeleteElem({ mapFd, key: KEY(1) })).toBe(true);
    const refused = () => sys.mapUpdateElem({ mapFd, key: KEY(1), value: new Uint8Array(8), flags: 2 });
    expect(refused).toThrow(Errno);
    expect(refused).toThrow("BPF_MAP_UPDATE_ELEM: No such file or directory (ENOENT)");
  });

  it("gives buffers that are the caller's", () => {
    const sys = new EmbeddedKernel();
    const mapFd = hash(sys);
    const value = new Uint8Array(8).fill(1);
    sys.mapUpdateElem({ mapFd, key: KEY(1), value });
    value.fill(9);
    const read = sys.mapLookupElem({ mapFd, key: KEY(1) })!;
    read.fill(5);
    expect(sys.mapLookupElem({ mapFd, key: KEY(1) })).toEqual(new Uint8Array(8).fill(1));
  });

  it("knows how large the values of all CPUs are", () => {
    const sys = new EmbeddedKernel({ cpus: 3 });
    const mapFd = sys.mapCreate({
      mapType: BpfMapType.PERCPU_ARRAY,
      keySize: 4,
      valueSize: 5,
      maxEntries: 1,
    });
    expect(sys.mapLookupElem({ mapFd, key: KEY(0) })).toHaveLength(24);
    expect(sys.mapLookupElem({ mapFd, key: KEY(0), userValueSize: 24 })).toHaveLength(24);
  });

  it("asks the kernel for sizes only where the caller does not say them", () => {
    const { sys, calls } = listening(new EmbeddedKernel());
    const mapFd = hash(sys);
    sys.mapLookupElem({ mapFd, key: KEY(1), userValueSize: 8 });
    sys.mapGetNextKey({ mapFd, key: KEY(1) });
    expect(calls.map(({ command }) => command)).not.toContain(BpfCmd.OBJ_GET_INFO_BY_FD);
    sys.mapLookupElem({ mapFd, key: KEY(1) });
    expect(calls.map(({ command }) => command)).toContain(BpfCmd.OBJ_GET_INFO_BY_FD);
  });

  it("cuts names to 15 bytes, as libbpf does", () => {
    const sys = new EmbeddedKernel();
    const mapFd = sys.mapCreate({
      mapType: 2,
      keySize: 4,
      valueSize: 4,
      maxEntries: 1,
      mapName: "a_name_of_twenty_two_b",
    });
    expect(mapInfo(sys, mapFd).name).toBe("a_name_of_twent");
  });
});

describe("batches", () => {
  const filled = (count: number) => {
    const sys = new EmbeddedKernel();
    const mapFd = hash(sys, 64);
    const keys = new Uint8Array(Uint32Array.from({ length: count }, (_, i) => i).buffer);
    const values = new Uint8Array(BigUint64Array.from({ length: count }, (_, i) => BigInt(i) * 10n).buffer);
    expect(sys.mapUpdateBatch({ mapFd, keys, values, count })).toBe(count);
    return { sys, mapFd };
  };

  it("end with a position of null", () => {
    const { sys, mapFd } = filled(40);
    const found = new Map<number, bigint>();
    let position: Uint8Array | null = null;
    let turns = 0;
    do {
      const batch: MapBatch = sys.mapLookupBatch({ mapFd, position, count: 16 });
      const keys = new Uint32Array(batch.keys.slice().buffer);
      const values = new BigUint64Array(batch.values.slice().buffer);
      expect(keys).toHaveLength(batch.count);
      for (let i = 0; i < batch.count; i++) found.set(keys[i]!, values[i]!);
      position = batch.next;
      turns++;
    } while (position !== null && turns < 50);
    expect(position).toBeNull();
    expect([...found].sort(([a], [b]) => a - b)).toEqual(
      Array.from({ length: 40 }, (_, i) => [i, BigInt(i) * 10n]),
    );
  });

  it("empty a map", () => {
    const { sys, mapFd } = filled(40);
    const batch = sys.mapLookupAndDeleteBatch({ mapFd, position: null, count: 64 });
    expect(batch.count).toBe(40);
    expect(batch.next).toBeNull();
    expect(sys.mapGetNextKey({ mapFd, key: null })).toBeNull();
  });

  it("of an empty map are empty", () => {
    const { sys, mapFd } = filled(0);
    const batch = sys.mapLookupBatch({ mapFd, position: null, count: 4 });
    expect([batch.count, batch.next]).toEqual([0, null]);
  });

  it("of an array go on where it ends exactly", () => {
    const sys = new EmbeddedKernel();
    const mapFd = sys.mapCreate({ mapType: BpfMapType.ARRAY, keySize: 4, valueSize: 8, maxEntries: 4 });
    const first = sys.mapLookupBatch({ mapFd, position: null, count: 4 });
    expect(first.count).toBe(4);
    expect(sys.mapLookupBatch({ mapFd, position: first.next, count: 4 })).toMatchObject({
      count: 0,
      next: null,
    });
  });

  it("count what was done before something was refused, and throw where nothing was", () => {
    const sys = new EmbeddedKernel();
    const mapFd = hash(sys, 2);
    const keys = new Uint8Array(Uint32Array.of(1, 2, 3).buffer);
    expect(sys.mapUpdateBatch({ mapFd, keys, values: new Uint8Array(24), count: 3 })).toBe(2);
    // Refused before the first element, the number stays as it was: it counts nothing.
    expect(() => sys.mapUpdateBatch({ mapFd: 999, keys, values: new Uint8Array(24), count: 3 })).toThrow(
      "EBADF",
    );
    expect(() => sys.mapDeleteBatch({ mapFd: 999, keys, count: 3 })).toThrow("EBADF");
    expect(() => sys.mapUpdateBatch({ mapFd, keys: KEY(9), values: new Uint8Array(8), count: 1 })).toThrow(
      "E2BIG",
    );
    expect(sys.mapDeleteBatch({ mapFd, keys, count: 3 })).toBe(2);
    expect(() => sys.mapDeleteBatch({ mapFd, keys, count: 3 })).toThrow("ENOENT");
  });
});

describe("programs", () => {
  it("loads without a log, and once", () => {
    const { sys, calls } = listening(new EmbeddedKernel());
    const { fd, log } = sys.progLoad({ progType: BpfProgType.XDP, insns: EXIT, license: "GPL" });
    expect(log).toBe("");
    expect(calls).toHaveLength(1);
    expect(decodeAttr("PROG_LOAD", calls[0]!.attr)).toMatchObject({ logLevel: 0, logSize: 0, logBuf: 0n });
    expect(progInfo(sys, fd).type).toBe(BpfProgType.XDP);
  });

  it("asks a second time why a program is refused", () => {
    const { sys, calls } = listening(new EmbeddedKernel());
    try {
      sys.progLoad({ progType: BpfProgType.XDP, insns: EXIT.subarray(0, 8), license: "GPL" });
      expect.unreachable();
    } catch (error) {
      expect(error).toMatchObject({ code: "EINVAL", command: "BPF_PROG_LOAD" });
      expect((error as Errno).log).not.toBe("");
    }
    expect(calls.map(({ attr }) => decodeAttr("PROG_LOAD", attr).logLevel)).toEqual([0, 1]);
  });

  it("asks once more with the largest log where the first did not fit", () => {
    const attrs: ReturnType<typeof decodeAttr<"PROG_LOAD">>[] = [];
    const { port } = new EmbeddedKernel();
    const full: Port = Object.create(port, {
      memory: { value: port.memory },
      bpf: {
        value: (_: number, attr: Uint8Array) => {
          attrs.push(decodeAttr("PROG_LOAD", attr));
          return attrs.length === 1 ? -E.ENOSPC : 5;
        },
      },
    });
    const { fd } = new BpfCommands(full).progLoad({ progType: 6, insns: EXIT, license: "GPL", logLevel: 2 });
    expect(fd).toBe(5);
    expect(attrs.map(({ logSize }) => logSize)).toEqual([1 << 16, 1 << 24]);
    expect(attrs.every(({ logLevel }) => logLevel === 2)).toBe(true);
  });

  it("gives what fitted of a packet, and how large all of it is", () => {
    const sys = new EmbeddedKernel();
    const { fd } = sys.progLoad({ progType: BpfProgType.XDP, insns: EXIT, license: "GPL" });
    const dataIn = new Uint8Array(64).map((_, i) => i);
    const whole = sys.progTestRun({ progFd: fd, dataIn, dataSizeOut: 100 });
    expect(whole).toMatchObject({ retval: 2, dataSizeOut: 64, dataOut: dataIn });
    const part = sys.progTestRun({ progFd: fd, dataIn, dataSizeOut: 10 });
    expect(part).toMatchObject({ retval: 2, dataSizeOut: 64, dataOut: dataIn.subarray(0, 10) });
    expect(sys.progTestRun({ progFd: fd, dataIn }).dataOut).toHaveLength(0);
  });

  it("does not take silence for a result: a packet in fragments and a buffer below its last ones", () => {
    const sys = new EmbeddedKernel();
    const { fd } = sys.progLoad({ progType: BpfProgType.XDP, insns: EXIT, license: "GPL" });
    const dataIn = new Uint8Array(6000);
    expect(sys.progTestRun({ progFd: fd, dataIn })).toMatchObject({ retval: 2, dataSizeOut: 6000 });
    expect(() => sys.progTestRun({ progFd: fd, dataIn, dataSizeOut: 64 })).toThrow("ENOSPC");
  });

  it("tells of a program what is asked for", () => {
    const sys = new EmbeddedKernel();
    const { fd } = sys.progLoad({ progType: BpfProgType.XDP, insns: EXIT, license: "GPL", progName: "two" });
    expect(progInfo(sys, fd)).toMatchObject({
      name: "two",
      xlatedProgLen: 16,
      xlatedProgInsns: new Uint8Array(0),
    });
    expect(progInfo(sys, fd, ["xlatedProgInsns", "progTags"])).toMatchObject({
      xlatedProgInsns: EXIT,
      nrProgTags: 1,
    });
    // Nothing is left standing of what was asked for and is not there.
    const info = encodeStruct(bpfProgInfo, { jitedProgLen: 99, nrJitedKsyms: 3, nrJitedFuncLens: 3 });
    sys.objGetInfoByFd({ bpfFd: fd, info });
    expect(decodeStruct(bpfProgInfo, info)).toMatchObject({
      jitedProgLen: 0,
      nrJitedKsyms: 0,
      nrJitedFuncLens: 0,
    });
  });
});

describe("ids, types, errors", () => {
  it("walks ids until there is none", () => {
    const sys = new EmbeddedKernel();
    for (let i = 0; i < 3; i++) hash(sys);
    const ids: number[] = [];
    for (let id: number | null = 0; (id = sys.mapGetNextId({ startId: id })) !== null; ) ids.push(id);
    expect(ids).toEqual([1, 2, 3]);
    expect(sys.linkGetNextId({ startId: 0 })).toBeNull();
  });

  it("gives a BTF back as it was loaded", () => {
    const sys = new EmbeddedKernel();
    const builder = new BtfBuilder();
    builder.add({ kind: "INT", name: "int", size: 4, signed: true });
    const btf = builder.finish();
    expect(btfInfo(sys, sys.btfLoad({ btf }))).toEqual({ id: 1, name: "", kernelBtf: false, btf });
  });

  it("says why a BTF is refused", () => {
    try {
      new EmbeddedKernel().btfLoad({ btf: new Uint8Array(24) });
      expect.unreachable();
    } catch (error) {
      expect((error as Errno).log).toContain("Invalid magic");
    }
  });

  it("leaves no loan behind, whatever comes of a call", () => {
    const sys = new EmbeddedKernel();
    const first = sys.port.memory.lend(new Uint8Array(8));
    sys.port.memory.release(first);
    const mapFd = hash(sys);
    expect(() => sys.mapUpdateElem({ mapFd: 99, key: KEY(1), value: new Uint8Array(8) })).toThrow("EBADF");
    expect(() => sys.progLoad({ progType: 6, insns: EXIT.subarray(0, 8), license: "GPL" })).toThrow("EINVAL");
    sys.mapLookupElem({ mapFd, key: KEY(1) });
    expect(sys.port.memory.lend(new Uint8Array(8))).toBe(first);
  });
});

describe("attributes", () => {
  it("have their fields where Linux has them", () => {
    const attr = encodeAttr("MAP_UPDATE_ELEM", { mapFd: 3, key: 0x1122334455667788n, flags: 1 });
    expect(attr).toHaveLength(32);
    expect(attrOffset("MAP_UPDATE_ELEM", "key")).toBe(8);
    expect(decodeAttr("MAP_UPDATE_ELEM", attr)).toEqual({
      mapFd: 3,
      key: 0x1122334455667788n,
      value: 0n,
      flags: 1n,
    });
    expect(decodeAttr("MAP_UPDATE_ELEM", attr.subarray(0, 8)).key).toBe(0n);
  });

  it("carry negative descriptors and 64-bit flags", () => {
    const attr = encodeAttr("MAP_CREATE", { mapTokenFd: -1, mapFlags: 0xffff_ffff, mapExtra: -1n });
    expect(decodeAttr("MAP_CREATE", attr)).toMatchObject({
      mapTokenFd: -1,
      mapFlags: 0xffff_ffff,
      mapExtra: 0xffff_ffff_ffff_ffffn,
    });
  });
});
