import { beforeEach, describe, expect, it } from "vitest";
import { EmbeddedKernel } from "../../../src/kernel/index.ts";
import { BpfAttachType as A, Errno } from "../../../src/uapi/index.ts";
import { loadText } from "../support.ts";
import { store, wordAt, words } from "./support.ts";

const [INET, INET6, UNIX] = [2, 10, 1];
const [STREAM, DGRAM] = [1, 2];
const HERE = Uint8Array.of(127, 0, 0, 1);
/** Of `struct bpf_sock_addr`. */
const Context = { IP4: 4, PORT: 24 } as const;

let kernel: EmbeddedKernel;
let results: number;
beforeEach(() => {
  kernel = new EmbeddedKernel();
  results = words(kernel);
});

function attach(attachType: number, text: string): void {
  const attachBpfFd = loadText(kernel, "cgroup_sock_addr", `r6 = r1\n${text}`, {
    expectedAttachType: attachType,
  });
  kernel.progAttach({ targetFd: kernel.port.open("/sys/fs/cgroup"), attachBpfFd, attachType });
}

describe("addresses that sockets are given", () => {
  it("are what programs of control groups make of them", () => {
    attach(
      A.CGROUP_INET4_BIND,
      `r1 = 0x0200007f
      *(u32 *)(r6 + ${Context.IP4}) = r1
      r1 = 0x5100
      *(u32 *)(r6 + ${Context.PORT}) = r1
      r0 = 1
      exit`,
    );
    const fd = kernel.port.socket(INET, DGRAM, 0);
    expect(kernel.bindSocket(fd, { address: HERE, port: 80 })).toBe(0);
    const { sock } = kernel.socketOf(fd);
    expect([...sock.read("__sk_common.skc_rcv_saddr", 4)]).toEqual([127, 0, 0, 2]);
    expect(sock.get("__sk_common.skc_num")).toBe(0x51);
    // Others are asked about IPv6.
    const six = kernel.port.socket(INET6, DGRAM, 0);
    expect(kernel.bindSocket(six, { address: new Uint8Array(16), port: 80 })).toBe(0);
    expect(kernel.socketOf(six).sock.get("__sk_common.skc_num")).toBe(80);
  });

  it("are refused, by an error of the program's choice", () => {
    attach(A.CGROUP_INET4_CONNECT, "r0 = 0\nexit");
    const fd = kernel.port.socket(INET, STREAM, 0);
    expect(kernel.connectSocket(fd, { address: HERE, port: 80 })).toBe(-Errno.EPERM);
    expect(kernel.socketOf(fd).state).toBe(7);
    const other = new EmbeddedKernel();
    kernel = other;
    attach(A.CGROUP_INET4_CONNECT, `r1 = ${-Errno.ECONNREFUSED}\ncall bpf_set_retval\nr0 = 0\nexit`);
    const again = kernel.port.socket(INET, STREAM, 0);
    expect(kernel.connectSocket(again, { address: HERE, port: 80 })).toBe(-Errno.ECONNREFUSED);
  });

  it("are looked at with lookups and options of the socket at hand", () => {
    const server = kernel.port.socket(INET, STREAM, 0);
    expect(kernel.bindSocket(server, { address: HERE, port: 80 })).toBe(0);
    kernel.socketOf(server).listen();
    kernel.socketOf(server).sock.set("sk_mark", 9);
    attach(
      A.CGROUP_INET4_CONNECT,
      `r1 = 0
      *(u32 *)(r10 - 32) = r1
      r1 = 0x0100007f
      *(u32 *)(r10 - 28) = r1
      r1 = 0x50000000
      *(u32 *)(r10 - 24) = r1
      r1 = r6
      r2 = r10
      r2 += -32
      r3 = 12
      r4 = -1
      r5 = 0
      call bpf_sk_lookup_tcp
      r7 = 0
      if r0 == 0 goto +3
      r7 = *(u32 *)(r0 + 16)
      r1 = r0
      call bpf_sk_release
      ${store(results, 0)}
      r1 = 5
      *(u32 *)(r10 - 32) = r1
      r1 = r6
      r2 = 1
      r3 = 12
      r4 = r10
      r4 += -32
      r5 = 4
      call bpf_setsockopt
      r7 = r0
      ${store(results, 1)}
      r1 = r6
      r2 = 6
      r3 = 2
      r4 = r10
      r4 += -32
      r5 = 4
      call bpf_getsockopt
      r7 = *(u32 *)(r10 - 32)
      ${store(results, 2)}
      r0 = 1
      exit`,
    );
    const fd = kernel.port.socket(INET, STREAM, 0);
    expect(kernel.connectSocket(fd, { address: HERE, port: 80 })).toBe(0);
    expect([0, 1, 2].map((index) => wordAt(kernel, results, index))).toEqual([9n, 0n, 536n]);
    expect(kernel.socketOf(fd).sock.get("sk_priority")).toBe(5);
  });

  it("are those of sockets", () => {
    expect(kernel.bindSocket(99, { address: HERE, port: 80 })).toBe(-Errno.EBADF);
    expect(kernel.bindSocket(results, { address: HERE, port: 80 })).toBe(-Errno.ENOTSOCK);
    const unix = kernel.port.socket(UNIX, STREAM, 0);
    attach(A.CGROUP_INET4_BIND, "r0 = 0\nexit");
    expect(kernel.bindSocket(unix, { address: HERE, port: 80 })).toBe(0);
  });
});
