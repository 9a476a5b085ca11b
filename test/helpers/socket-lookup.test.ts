import { beforeEach, describe, expect, it } from "vitest";
import { EmbeddedKernel, type KernelSocket } from "../../src/kernel/index.ts";
import { addressOf } from "../../src/mem/index.ts";
import { BpfAttachType } from "../../src/uapi/index.ts";
import { store, wordAt, words } from "../kernel/events/support.ts";
import { FRAME, loadText } from "../kernel/support.ts";

const [INET, INET6] = [2, 10];
const [STREAM, DGRAM] = [1, 2];
const MARK = 16;

const ANY = [0, 0, 0, 0];
const HERE = [10, 0, 0, 2];
const THERE = [10, 0, 0, 1];
const SIX = [0xfd, ...Array(14).fill(0), 2];
const OTHER_SIX = [0xfd, ...Array(14).fill(0), 1];

let kernel: EmbeddedKernel;
let results: number;
beforeEach(() => {
  kernel = new EmbeddedKernel();
  results = words(kernel);
});

function open(family: number, type: number, mark: number): KernelSocket {
  const socket = kernel.socketOf(kernel.port.socket(family, type, 0));
  socket.sock.set("sk_mark", mark);
  return socket;
}

function listen(address: readonly number[], port: number, mark: number): KernelSocket {
  const socket = open(address.length === 4 ? INET : INET6, STREAM, mark);
  socket.bind({ address: Uint8Array.from(address), port });
  socket.listen();
  return socket;
}

function datagram(address: readonly number[], port: number, mark: number): KernelSocket {
  const socket = open(address.length === 4 ? INET : INET6, DGRAM, mark);
  socket.bind({ address: Uint8Array.from(address), port });
  return socket;
}

interface Tuple {
  readonly from: readonly [address: readonly number[], port: number];
  readonly to: readonly [address: readonly number[], port: number];
}

/** Assembly that looks for a socket, and leaves its mark in a word; 0 where there is none. */
function look(helper: string, { from, to }: Tuple, { flags = 0, index = 0 } = {}): string {
  const ports = [from[1] >> 8, from[1] & 0xff, to[1] >> 8, to[1] & 0xff];
  const bytes = [...from[0], ...to[0], ...ports];
  const stores = Array.from({ length: bytes.length / 4 }, (_, i) => {
    const word = new DataView(Uint8Array.from(bytes).buffer).getInt32(4 * i, true);
    return `*(u32 *)(r10 - ${64 - 4 * i}) = ${word}`;
  });
  return `
    r6 = r1
    ${stores.join("\n")}
    r1 = r6
    r2 = r10
    r2 += -64
    r3 = ${bytes.length}
    r4 = -1
    r5 = ${flags}
    call bpf_${helper}
    r7 = 0
    if r0 == 0 goto +3
    r7 = *(u32 *)(r0 + ${MARK})
    r1 = r0
    call bpf_sk_release
    ${store(results, index)}`;
}

/** The mark of what a program finds in a test run. */
function find(helper: string, tuple: Tuple, { type = "xdp", flags = 0 } = {}): number {
  const progFd = loadText(kernel, type, `${look(helper, tuple, { flags })}\nr0 = 1\nexit`);
  kernel.progTestRun({ progFd, dataIn: FRAME });
  return Number(wordAt(kernel, results, 0));
}

const TO_80: Tuple = { from: [THERE, 1000], to: [HERE, 80] };

describe("lookups of sockets of TCP", () => {
  it("find what listens: at the address, else at any", () => {
    listen(ANY, 80, 1);
    expect(find("sk_lookup_tcp", TO_80)).toBe(1);
    listen(HERE, 80, 2);
    expect(find("sk_lookup_tcp", TO_80)).toBe(2);
    expect(find("sk_lookup_tcp", { ...TO_80, to: [[10, 0, 0, 3], 80] })).toBe(1);
    expect(find("sk_lookup_tcp", { ...TO_80, to: [HERE, 81] })).toBe(0);
    expect(find("sk_lookup_udp", TO_80)).toBe(0);
  });

  it("find a connection first, and count who looks at it", () => {
    listen(ANY, 80, 1);
    const connection = open(INET, STREAM, 3);
    connection.connect(
      { address: Uint8Array.from(THERE), port: 1000 },
      { address: Uint8Array.from(HERE), port: 80 },
    );
    expect(find("sk_lookup_tcp", TO_80)).toBe(3);
    expect(connection.sock.get("__sk_common.skc_refcnt.refs.counter")).toBe(1);
    expect(find("sk_lookup_tcp", { ...TO_80, from: [THERE, 1001] })).toBe(1);
  });

  it("find nothing that is closed", () => {
    const fd = kernel.port.socket(INET, STREAM, 0);
    const socket = kernel.socketOf(fd);
    socket.sock.set("sk_mark", 1);
    socket.bind({ address: Uint8Array.from(HERE), port: 80 });
    expect(find("sk_lookup_tcp", TO_80)).toBe(0);
    socket.listen();
    expect(find("sk_lookup_tcp", TO_80)).toBe(1);
    kernel.port.close(fd);
    expect(find("sk_lookup_tcp", TO_80)).toBe(0);
  });

  it("prefer sockets of the device, and of the family", () => {
    const eth0 = kernel.namespace.addDevice({ name: "eth0" });
    const six = listen(Array(16).fill(0), 80, 1);
    expect(find("sk_lookup_tcp", TO_80)).toBe(1);
    listen(ANY, 80, 2);
    expect(find("sk_lookup_tcp", TO_80)).toBe(2);
    six.sock.set("__sk_common.skc_bound_dev_if", eth0.ifindex);
    // Test runs receive on the loopback device.
    expect(find("sk_lookup_tcp", TO_80)).toBe(2);
    six.sock.set("__sk_common.skc_bound_dev_if", 1);
    listen(ANY, 81, 3).sock.set("__sk_common.skc_bound_dev_if", eth0.ifindex);
    expect(find("sk_lookup_tcp", { ...TO_80, to: [HERE, 81] })).toBe(0);
  });

  it("by IPv6: of that family alone, and of both unless told otherwise", () => {
    const tuple: Tuple = { from: [OTHER_SIX, 1000], to: [SIX, 80] };
    listen(ANY, 80, 1);
    expect(find("sk_lookup_tcp", tuple)).toBe(0);
    const socket = open(INET6, STREAM, 2);
    socket.sock.set("__sk_common.skc_ipv6only", 1);
    socket.bind({ address: new Uint8Array(16), port: 81 });
    socket.listen();
    expect(find("sk_lookup_tcp", { ...tuple, to: [SIX, 81] })).toBe(2);
    expect(find("sk_lookup_tcp", { ...TO_80, to: [HERE, 81] })).toBe(0);
    listen(SIX, 80, 3);
    expect(find("sk_lookup_tcp", tuple)).toBe(3);
  });

  it("give nothing for flags, and what another namespace has", () => {
    listen(ANY, 80, 1);
    expect(find("sk_lookup_tcp", TO_80, { flags: 1 })).toBe(0);
    const away = kernel.createNamespace();
    expect([kernel.namespace, away].map(({ sockets }) => sockets.all().length)).toEqual([1, 0]);
  });

  it("give what waits to end to those who ask for common sockets alone", () => {
    const left = open(INET, STREAM, 3);
    left.connect(
      { address: Uint8Array.from(THERE), port: 1000 },
      { address: Uint8Array.from(HERE), port: 80 },
    );
    left.sock.set("__sk_common.skc_state", 6);
    expect(find("sk_lookup_tcp", TO_80)).toBe(0);
    expect(left.sock.get("__sk_common.skc_refcnt.refs.counter")).toBe(1);
    const text = look("skc_lookup_tcp", TO_80).replace(`(r0 + ${MARK})`, "(r0 + 72)");
    const progFd = loadText(kernel, "xdp", `${text}\nr0 = 1\nexit`);
    kernel.progTestRun({ progFd, dataIn: FRAME });
    expect(wordAt(kernel, results, 0)).toBe(6n);
    expect(left.sock.get("__sk_common.skc_refcnt.refs.counter")).toBe(1);
  });
});

describe("lookups of sockets of UDP", () => {
  it("find what is bound, and best what is connected to the peer", () => {
    datagram(ANY, 53, 1);
    const tuple: Tuple = { from: [THERE, 1000], to: [HERE, 53] };
    expect(find("sk_lookup_udp", tuple)).toBe(1);
    datagram(HERE, 53, 2);
    expect(find("sk_lookup_udp", tuple)).toBe(2);
    const connected = datagram(HERE, 53, 3);
    connected.connect({ address: Uint8Array.from(THERE), port: 1000 });
    expect(find("sk_lookup_udp", tuple)).toBe(3);
    expect(find("sk_lookup_udp", { ...tuple, from: [THERE, 1001] })).toBe(2);
    // A socket that nobody bound has a port of its own once it is connected.
    const client = open(INET, DGRAM, 4);
    client.connect({ address: Uint8Array.of(127, 0, 0, 1), port: 53 });
    const { sock } = client;
    expect([...sock.read("__sk_common.skc_rcv_saddr", 4)]).toEqual([127, 0, 0, 1]);
    expect(sock.get("__sk_common.skc_num")).toBeGreaterThanOrEqual(32_768);
  });

  it("share what comes to a group", () => {
    const group = [1, 2, 3].map((mark) => {
      const socket = open(INET, DGRAM, mark);
      socket.sock.set("__sk_common.skc_reuseport", 1);
      socket.bind({ address: new Uint8Array(4), port: 53 });
      return socket;
    });
    const found = new Set<number>();
    for (let port = 1; port < 60; port++) {
      const tuple: Tuple = { from: [THERE, port], to: [HERE, 53] };
      const mark = find("sk_lookup_udp", tuple);
      expect(find("sk_lookup_udp", tuple)).toBe(mark);
      found.add(mark);
    }
    expect([...found].sort()).toEqual([1, 2, 3]);
    expect(group[0]!.sock.get("__sk_common.skc_refcnt.refs.counter")).toBe(1);
  });
});

describe("where lookups are made", () => {
  beforeEach(() => {
    listen(HERE, 80, 7);
  });

  it("test runs of packets of any type", () => {
    for (const type of ["xdp", "sched_cls", "cgroup_skb"])
      for (const helper of ["sk_lookup_tcp", "sk_lookup_udp"])
        expect(find(helper, TO_80, { type })).toBe(helper === "sk_lookup_tcp" ? 7 : 0);
  });

  it("XDP, tcx and control groups, as packets come in", () => {
    const device = kernel.namespace.addDevice({ name: "eth0", nativeXdp: true });
    const socket = datagram(ANY, 53, 1);
    const text = (index: number, result: number) =>
      `${look("sk_lookup_tcp", TO_80, { index })}\nr0 = ${result}\nexit`;
    kernel.linkCreate({
      progFd: loadText(kernel, "xdp", text(0, 2)),
      targetIfindex: device.ifindex,
      attachType: BpfAttachType.XDP,
    });
    kernel.progAttach({
      targetIfindex: device.ifindex,
      attachBpfFd: loadText(kernel, "sched_cls", text(1, -1)),
      attachType: BpfAttachType.TCX_INGRESS,
    });
    const attachType = BpfAttachType.CGROUP_INET_INGRESS;
    kernel.progAttach({
      targetFd: kernel.port.open("/sys/fs/cgroup"),
      attachBpfFd: loadText(kernel, "cgroup_skb", text(2, 1), { expectedAttachType: attachType }),
      attachType,
    });
    expect(kernel.receive(FRAME, { device, socket })).toMatchObject({ verdict: "accepted", runs: 3 });
    expect([0, 1, 2].map((index) => wordAt(kernel, results, index))).toEqual([7n, 7n, 7n]);
  });

  it("programs that choose sockets have their say", () => {
    // Its programs name their sockets by address, without a map to look them up in.
    kernel = new EmbeddedKernel({ lenient: true });
    results = words(kernel);
    const attachType = BpfAttachType.SK_LOOKUP;
    const attach = (text: string) => {
      const progFd = loadText(kernel, "sk_lookup", text, { expectedAttachType: attachType });
      return kernel.linkCreate({ progFd, targetFd: kernel.port.open("/proc/self/ns/net"), attachType });
    };
    listen(HERE, 80, 7);
    const chosen = listen(HERE, 81, 8);
    const refusing = attach("r0 = 0\nexit");
    expect(find("sk_lookup_tcp", TO_80)).toBe(0);
    kernel.linkDetach({ linkFd: refusing });
    expect(find("sk_lookup_tcp", TO_80)).toBe(7);
    attach(`r2 = ${addressOf(chosen.offset)} ll\nr3 = 0\ncall bpf_sk_assign\nr0 = 1\nexit`);
    expect(find("sk_lookup_tcp", TO_80)).toBe(8);
  });
});
