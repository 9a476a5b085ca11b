import { describe, expect, it } from "vitest";
import { textOf, utf8 } from "../../../src/base/index.ts";
import { offsetOf } from "../../../src/btf/index.ts";
import { BPFFS_ROOT, EmbeddedKernel } from "../../../src/kernel/index.ts";
import { linuxTypes } from "../../../src/node/index.ts";
import { decodeStruct } from "../../../src/sys/index.ts";
import { BpfAttachType, bpfLinkInfo } from "../../../src/uapi/index.ts";
import { createHash, loadText, u32 } from "../support.ts";

const types = linuxTypes();
const TRACE_ITER = BpfAttachType.TRACE_ITER;

function offset(struct: string, member: string): number {
  const id = types.findByName(struct);
  for (let i = 0; i < types.vlen(id); i++)
    if (types.memberName(id, i) === member) return types.memberBitOffset(id, i) / 8;
  throw new Error(`no ${struct}.${member}`);
}

/** A program of an iterator that writes bytes from its stack for each object; `text` leaves them at r10 - 32. */
function iterator(kernel: EmbeddedKernel, name: string, text: string, size: number): number {
  const attachBtfId = types.findAllByName(`bpf_iter_${name}`).find((id) => types.kind(id) === 12)!;
  const code = `
    r6 = r1
    ${text}
    r1 = *(u64 *)(r6 + 0)
    r1 = *(u64 *)(r1 + 0)
    r2 = r10
    r2 += -32
    r3 = ${size}
    call bpf_seq_write
    r0 = 0
    exit`;
  return loadText(kernel, "tracing", code, { attachBtfId, expectedAttachType: TRACE_ITER });
}

function readAll(kernel: EmbeddedKernel, fd: number, max = 4096): Uint8Array {
  const parts: number[] = [];
  for (;;) {
    const bytes = kernel.port.read(fd, max);
    if (typeof bytes === "number") throw new Error(`read: ${bytes}`);
    if (bytes.length === 0) return Uint8Array.from(parts);
    parts.push(...bytes);
  }
}

describe("iterators", () => {
  it("walk the tasks, and are told of the end", () => {
    const kernel = new EmbeddedKernel({ btf: types });
    for (const pid of [30, 20, 10]) kernel.tasks.create({ pid });
    const text = `
      r7 = *(u64 *)(r6 + 8)
      r8 = -1
      if r7 == 0 goto +1
      r8 = *(u32 *)(r7 + ${offset("task_struct", "pid")})
      *(u64 *)(r10 - 32) = r8`;
    const link = kernel.linkCreate({ progFd: iterator(kernel, "task", text, 8), attachType: TRACE_ITER });
    const fd = kernel.iterCreate({ linkFd: link });
    const pids = new BigInt64Array(readAll(kernel, fd).buffer);
    expect([...pids]).toEqual([BigInt(kernel.pid), 10n, 20n, 30n, -1n]);
    // A new file begins anew; reads of any length give the same.
    const again = readAll(kernel, kernel.iterCreate({ linkFd: link }), 3);
    expect([...new BigInt64Array(again.buffer)]).toEqual([...pids]);
  });

  it("walk more than there is room for at once", () => {
    const kernel = new EmbeddedKernel({ btf: types });
    const count = 6000;
    for (let pid = 100; pid < 100 + count; pid++) kernel.tasks.create({ pid });
    const text = `
      r7 = *(u64 *)(r6 + 8)
      r8 = 0
      if r7 == 0 goto +1
      r8 = *(u32 *)(r7 + ${offset("task_struct", "pid")})
      *(u64 *)(r10 - 32) = r8`;
    const link = kernel.linkCreate({ progFd: iterator(kernel, "task", text, 8), attachType: TRACE_ITER });
    const pids = new BigUint64Array(readAll(kernel, kernel.iterCreate({ linkFd: link })).buffer);
    expect(pids.length).toBe(count + 2);
    expect(pids.slice(1, -1).every((pid, index) => pid === BigInt(100 + index))).toBe(true);
  });

  it("walk the elements of a map", () => {
    const kernel = new EmbeddedKernel({ btf: types });
    const mapFd = createHash(kernel, { maxEntries: 100 });
    for (let i = 0; i < 50; i++)
      kernel.mapUpdateElem({
        mapFd,
        key: u32(i),
        value: new Uint8Array(BigUint64Array.of(BigInt(i * i)).buffer),
      });
    const text = `
      *(u64 *)(r10 - 32) = 0
      *(u64 *)(r10 - 24) = 0
      r7 = *(u64 *)(r6 + 16)
      r8 = *(u64 *)(r6 + 24)
      if r7 == 0 goto +5
      if r8 == 0 goto +4
      r1 = *(u32 *)(r7 + 0)
      *(u64 *)(r10 - 32) = r1
      r1 = *(u64 *)(r8 + 0)
      *(u64 *)(r10 - 24) = r1`;
    const link = kernel.linkCreate({
      progFd: iterator(kernel, "bpf_map_elem", text, 16),
      attachType: TRACE_ITER,
      iterInfo: u32(mapFd),
    });
    kernel.port.close(mapFd);
    const found = new BigUint64Array(readAll(kernel, kernel.iterCreate({ linkFd: link })).buffer);
    expect(found.length).toBe(2 * 51);
    for (let i = 0; i < 50; i++) expect(found[2 * i + 1]).toBe(found[2 * i]! ** 2n);
  });

  it("walk groups in the order that is asked for", () => {
    const kernel = new EmbeddedKernel({ btf: types });
    for (const path of ["/a", "/a/b", "/a/c", "/d"]) kernel.cgroups.create(path);
    const node = offset("cgroup", "kn");
    const text = `
      r8 = 0
      r7 = *(u64 *)(r6 + 8)
      if r7 == 0 goto +2
      r8 = *(u64 *)(r7 + ${node})
      r8 = *(u64 *)(r8 + ${offset("kernfs_node", "id")})
      *(u64 *)(r10 - 32) = r8`;
    const progFd = iterator(kernel, "cgroup", text, 8);
    const walk = (order: number, id: number) => {
      const info = new Uint8Array(16);
      new DataView(info.buffer).setUint32(0, order, true);
      new DataView(info.buffer).setBigUint64(8, BigInt(id), true);
      const linkFd = kernel.linkCreate({ progFd, attachType: TRACE_ITER, iterInfo: info });
      return [...new BigUint64Array(readAll(kernel, kernel.iterCreate({ linkFd })).buffer)].map(Number);
    };
    // The root is 1; the others follow as they were made.
    expect([1, 2, 3, 4].map((order) => walk(order, order === 4 ? 3 : 2))).toEqual([
      [2, 0],
      [2, 3, 4, 0],
      [3, 4, 2, 0],
      [3, 2, 1, 0],
    ]);
  });

  it("print", () => {
    const kernel = new EmbeddedKernel({ btf: types });
    kernel.mapCreate({ mapType: 2, keySize: 4, valueSize: 8, maxEntries: 1, mapName: "counts" });
    const attachBtfId = types.findAllByName("bpf_iter_bpf_map").find((id) => types.kind(id) === 12)!;
    const format = new DataView(utf8("map %d\n\0").buffer);
    const text = `
      r6 = r1
      r7 = *(u64 *)(r6 + 8)
      if r7 == 0 goto +14
      r1 = *(u32 *)(r7 + ${offset("bpf_map", "id")})
      *(u64 *)(r10 - 8) = r1
      r1 = ${format.getBigUint64(0, true)} ll
      *(u64 *)(r10 - 16) = r1
      r1 = *(u64 *)(r6 + 0)
      r1 = *(u64 *)(r1 + 0)
      r2 = r10
      r2 += -16
      r3 = 8
      r4 = r10
      r4 += -8
      r5 = 8
      call bpf_seq_printf
      r0 = 0
      exit`;
    const progFd = loadText(kernel, "tracing", text, { attachBtfId, expectedAttachType: TRACE_ITER });
    const linkFd = kernel.linkCreate({ progFd, attachType: TRACE_ITER });
    expect(textOf(readAll(kernel, kernel.iterCreate({ linkFd })))).toBe("map 1\n");
    // A pinned iterator is a file.
    kernel.objPin({ pathname: `${BPFFS_ROOT}/maps`, bpfFd: linkFd });
    kernel.port.close(linkFd);
    expect(textOf(readAll(kernel, kernel.port.open(`${BPFFS_ROOT}/maps`)))).toBe("map 1\n");
    const info = new Uint8Array(bpfLinkInfo.size);
    const again = kernel.objGet({ pathname: `${BPFFS_ROOT}/maps` });
    kernel.objGetInfoByFd({ bpfFd: again, info });
    expect(decodeStruct(bpfLinkInfo, info)).toMatchObject({
      type: 4,
      iterTargetNameLen: "bpf_map".length + 1,
    });
  });

  /** What a walk writes of each socket: its port, or of Unix sockets the type, and the owner; all bits set at the end. */
  const sockets = (kernel: EmbeddedKernel, name: string, member: string, word: string): number[] => {
    const text = `
      r7 = *(u64 *)(r6 + ${offsetOf(types, `bpf_iter__${name}.${member}`)})
      r8 = -1
      if r7 == 0 goto +4
      r8 = *(u16 *)(r7 + ${word})
      r1 = *(u32 *)(r6 + ${offsetOf(types, `bpf_iter__${name}.uid`)})
      r1 <<= 16
      r8 |= r1
      *(u32 *)(r10 - 32) = r8`;
    const link = kernel.linkCreate({ progFd: iterator(kernel, name, text, 4), attachType: TRACE_ITER });
    return [...new Int32Array(readAll(kernel, kernel.iterCreate({ linkFd: link })).buffer)];
  };

  it("walk the sockets of TCP, UDP and Unix of the caller's namespace, and whose they are", () => {
    const kernel = new EmbeddedKernel({ btf: types });
    const process = kernel.process({ uid: 7 });
    const open = (family: number, type: number) => kernel.socketOf(kernel.port.socket(family, type, 0));
    const bound = (type: number, port: number) => {
      const socket = open(2, type);
      socket.bind({ address: new Uint8Array(4), port });
      return socket;
    };
    open(2, 1);
    bound(1, 80).listen();
    bound(1, 1000).connect({ address: Uint8Array.of(10, 0, 0, 1), port: 80 });
    open(2, 2);
    bound(2, 53);
    const theirs = process.socketOf(process.port.socket(2, 2, 0));
    theirs.bind({ address: new Uint8Array(4), port: 54 });
    open(1, 2);
    open(1, 1);
    const port = `${offsetOf(types, "sock_common.skc_num")}`;
    expect(sockets(kernel, "tcp", "sk_common", port)).toEqual([80, 1000, -1]);
    expect(sockets(kernel, "udp", "udp_sk", port)).toEqual([54 | (7 << 16), 53, -1]);
    const type = `${offset("sock", "sk_type")}`;
    expect(sockets(kernel, "unix", "unix_sk", type)).toEqual([2, 1, -1]);
  });
});
