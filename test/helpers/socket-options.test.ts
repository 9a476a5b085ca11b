import { beforeEach, describe, expect, it } from "vitest";
import { utf8 } from "../../src/base/index.ts";
import { offsetOf } from "../../src/btf/index.ts";
import { EmbeddedKernel, type KernelSocket } from "../../src/kernel/index.ts";
import { linuxTypes } from "../../src/node/index.ts";
import { BpfAttachType, Errno } from "../../src/uapi/index.ts";
import { loadText, u32 } from "../kernel/support.ts";

const types = linuxTypes();
const [UNIX, INET, INET6] = [1, 2, 10];
const STREAM = 1;
const [SOL_IP, SOL_SOCKET, SOL_TCP, SOL_IPV6] = [0, 1, 6, 41];
const { EINVAL, ENODEV, ENOENT, ENOPROTOOPT, ENOTSUPP, EOPNOTSUPP, EPERM } = Errno;
const MEMBER: Record<string, string> = { tcp: "sk_common", unix: "unix_sk" };

let kernel: EmbeddedKernel;
let map: number;
let socket: KernelSocket;

function open(family: number): KernelSocket {
  return kernel.socketOf(kernel.port.socket(family, STREAM, 0));
}

beforeEach(() => {
  kernel = new EmbeddedKernel({ btf: types });
  map = kernel.mapCreate({ mapType: 2, keySize: 4, valueSize: 64, maxEntries: 1 });
  socket = open(INET);
  socket.bind({ address: new Uint8Array(4), port: 80 });
  socket.listen();
});

/** What a helper gives that a program of an iterator calls for its first socket; `value` has what it leaves. */
function call(helper: string, level: number, name: number, value: Uint8Array, iterator = "tcp"): number {
  const given = new Uint8Array(64);
  given.set(value, 8);
  kernel.mapUpdateElem({ mapFd: map, key: new Uint8Array(4), value: given });
  const text = `
    r7 = *(u64 *)(r1 + ${offsetOf(types, `bpf_iter__${iterator}.${MEMBER[iterator]}`)})
    if r7 != 0 goto +2
    r0 = 0
    exit
    *(u32 *)(r10 - 4) = 0
    r2 = r10
    r2 += -4
    r1 = map[id:${map}]
    call bpf_map_lookup_elem
    if r0 != 0 goto +2
    r0 = 0
    exit
    r8 = r0
    r1 = r7
    r2 = ${level}
    r3 = ${name}
    r4 = r8
    r4 += 8
    r5 = ${value.length}
    call bpf_${helper}
    *(u64 *)(r8 + 0) = r0
    r0 = 0
    exit`;
  const attachBtfId = types.findAllByName(`bpf_iter_${iterator}`).find((id) => types.kind(id) === 12)!;
  const attachType = BpfAttachType.TRACE_ITER;
  const progFd = loadText(kernel, "tracing", text, { attachBtfId, expectedAttachType: attachType });
  const fd = kernel.iterCreate({ linkFd: kernel.linkCreate({ progFd, attachType }) });
  expect(kernel.port.read(fd, 4096)).toHaveLength(0);
  const left = kernel.mapLookupElem({ mapFd: map, key: new Uint8Array(4) })!;
  value.set(left.subarray(8, 8 + value.length));
  return Number(new DataView(left.buffer, left.byteOffset).getBigInt64(0, true));
}

const set = (level: number, name: number, value: number | string, iterator?: string) =>
  call("setsockopt", level, name, typeof value === "string" ? utf8(value) : u32(value), iterator);

function get(level: number, name: number, iterator?: string): number {
  const value = new Uint8Array(4).fill(0x55);
  const result = call("getsockopt", level, name, value, iterator);
  const given = new DataView(value.buffer).getInt32(0, true);
  if (result !== 0) expect(given).toBe(0);
  return result === 0 ? given : result;
}

describe("options of sockets", () => {
  it("are kept in its structs, where Linux has them", () => {
    expect(set(SOL_SOCKET, 36, 7)).toBe(0);
    expect(socket.sock.get("sk_mark")).toBe(7);
    expect(set(SOL_SOCKET, 8, 10_000)).toBe(0);
    expect(socket.sock.get("sk_rcvbuf")).toBe(20_000);
    expect(set(SOL_SOCKET, 2, 5)).toBe(0);
    expect(get(SOL_SOCKET, 2)).toBe(1);
    expect(set(SOL_TCP, 4, 60)).toBe(0);
    expect(get(SOL_TCP, 4)).toBe(60);
    expect(set(SOL_IP, 1, 0x10)).toBe(0);
    expect(get(SOL_IP, 1)).toBe(0x10);
    // A type of service has its priority.
    expect(get(SOL_SOCKET, 12)).toBe(6);
  });

  it("begin as the system's settings say", () => {
    expect(get(SOL_SOCKET, 7)).toBe(16_384);
    expect(get(SOL_SOCKET, 8)).toBe(131_072);
    expect(get(SOL_SOCKET, 47)).toBe(-1);
    expect([4, 5, 6, 7].map((name) => get(SOL_TCP, name))).toEqual([7200, 75, 9, 6]);
    expect([1003, 1004].map((name) => get(SOL_TCP, name))).toEqual([200_000, 200_000]);
    const unix = open(UNIX);
    expect(get(SOL_SOCKET, 8, "unix")).toBe(unix.sock.get("sk_rcvbuf"));
  });

  it("that there are not, or that take no such value, are refused", () => {
    expect(set(SOL_SOCKET, 13, 1)).toBe(-EINVAL);
    expect(set(SOL_SOCKET, 36, "ab")).toBe(-EINVAL);
    expect(set(255, 1, 1)).toBe(-EINVAL);
    expect(set(SOL_TCP, 4, 0)).toBe(-EINVAL);
    expect(set(SOL_TCP, 28, 1)).toBe(-ENOPROTOOPT);
    expect(get(SOL_TCP, 1001)).toBe(-EINVAL);
    expect(get(SOL_IPV6, 67)).toBe(-EINVAL);
    open(UNIX);
    expect(set(SOL_TCP, 1, 1, "unix")).toBe(-EINVAL);
    expect(set(SOL_SOCKET, 15, 1, "unix")).toBe(-EOPNOTSUPP);
    expect(get(SOL_SOCKET, 74, "unix")).toBe(-EOPNOTSUPP);
  });

  it("of IPv6 lie behind its pinet6", () => {
    socket.abort(0);
    const six = open(INET6);
    six.bind({ address: new Uint8Array(16), port: 80 });
    six.listen();
    expect(set(SOL_IPV6, 67, 0xb8)).toBe(0);
    expect(get(SOL_IPV6, 67)).toBe(0xb8);
    expect(get(SOL_IPV6, 70)).toBe(1);
    expect(set(SOL_IPV6, 70, 0)).toBe(0);
    expect(get(SOL_IPV6, 70)).toBe(0);
    // Its packets may be of IPv4, unless it is for IPv6 alone.
    expect(get(SOL_IP, 1)).toBe(0);
    six.sock.set("__sk_common.skc_ipv6only", 1);
    expect(get(SOL_IP, 1)).toBe(-EINVAL);
  });

  it("control of congestion, by name", () => {
    const name = new Uint8Array(8).fill(0x55);
    expect(call("getsockopt", SOL_TCP, 13, name)).toBe(0);
    expect([...name]).toEqual([...utf8("cubic\0\0\0")]);
    expect(set(SOL_TCP, 13, "reno")).toBe(0);
    const short = new Uint8Array(3);
    expect(call("getsockopt", SOL_TCP, 13, short)).toBe(0);
    expect([...short]).toEqual([...utf8("re\0")]);
    expect(set(SOL_TCP, 13, "vegas")).toBe(-ENOENT);
    expect(set(SOL_TCP, 13, "cdg")).toBe(-ENOTSUPP);
    expect(set(SOL_TCP, 13, "r")).toBe(-EINVAL);
  });

  it("devices, by name and by number", () => {
    const eth0 = kernel.namespace.addDevice({ name: "eth0" });
    expect(set(SOL_SOCKET, 25, "eth0")).toBe(0);
    expect(get(SOL_SOCKET, 62)).toBe(eth0.ifindex);
    expect(set(SOL_SOCKET, 25, "eth1")).toBe(-ENODEV);
    // Only who may use raw sockets has it bound anew.
    kernel.setCurrent(0, kernel.tasks.create({ uid: 1000 }));
    expect(set(SOL_SOCKET, 62, 1)).toBe(-EPERM);
    kernel.setCurrent(0, null);
    expect(set(SOL_SOCKET, 25, "\0")).toBe(0);
    expect(get(SOL_SOCKET, 62)).toBe(0);
    expect(set(SOL_SOCKET, 62, -1)).toBe(-EINVAL);
  });
});
