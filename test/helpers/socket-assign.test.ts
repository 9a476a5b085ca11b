import { describe, expect, it } from "vitest";
import { EmbeddedKernel, type KernelSocket } from "../../src/kernel/index.ts";
import { addressOf } from "../../src/mem/index.ts";
import { BpfAttachType, Errno } from "../../src/uapi/index.ts";
import { store, wordAt, words } from "../kernel/events/support.ts";
import { FRAME, loadText } from "../kernel/support.ts";

const Family = { INET: 2, INET6: 10 } as const;
const State = { ESTABLISHED: 1, TIME_WAIT: 6 } as const;

/** A kernel that runs what no verifier has seen: sockets are at addresses that programs name, whether they could be found or not. */
class Sockets {
  readonly kernel = new EmbeddedKernel({ lenient: true });
  readonly results = words(this.kernel, 8);

  open(family: number, type: number): KernelSocket {
    return this.kernel.socketOf(this.kernel.port.socket(family, type, 0));
  }

  udp(family: number = Family.INET): KernelSocket {
    const socket = this.open(family, 2);
    socket.bind({ address: new Uint8Array(family === Family.INET ? 4 : 16), port: 53 });
    return socket;
  }

  result(index: number): number {
    return Number(BigInt.asIntN(64, wordAt(this.kernel, this.results, index)));
  }

  /** Assembly that assigns a socket to the context in r6, and notes the result. */
  assign(socket: KernelSocket | bigint, index: number, flags = 0n): string {
    const address = typeof socket === "bigint" ? socket : addressOf(socket.offset);
    return `
      r1 = r6
      r2 = ${address} ll
      r3 = ${flags} ll
      call bpf_sk_assign
      r7 = r0
      ${store(this.results, index)}`;
  }
}

describe("bpf_sk_assign of packets", () => {
  const pass = (sockets: Sockets, attachType: number, text: string) => {
    const { kernel } = sockets;
    const attachBpfFd = loadText(kernel, "sched_cls", `r6 = r1\n${text}\nr0 = -1\nexit`);
    kernel.progAttach({ targetIfindex: 1, attachBpfFd, attachType });
    kernel.receive(FRAME, { device: kernel.namespace.loopback });
  };
  /** `struct __sk_buff.sk` */
  const OWNER = "r7 = *(u64 *)(r6 + 168)";

  it("gives a packet that comes in to a socket", () => {
    const sockets = new Sockets();
    const socket = sockets.udp();
    pass(sockets, BpfAttachType.TCX_INGRESS, sockets.assign(socket, 0));
    expect(sockets.result(0)).toBe(0);
    // Whoever uses a socket of UDP takes no reference.
    expect(socket.sock.get("__sk_common.skc_refcnt.refs.counter")).toBe(1);
  });

  it("takes a reference of those that are counted, and none of those that end", () => {
    const sockets = new Sockets();
    const counted = sockets.udp();
    counted.sock.set("__sk_common.skc_flags", 0);
    const ended = sockets.udp();
    ended.sock.set("__sk_common.skc_flags", 0);
    ended.sock.set("__sk_common.skc_refcnt.refs.counter", 0);
    const left = sockets.udp();
    left.sock.set("__sk_common.skc_state", State.TIME_WAIT);
    const text = [counted, ended, left].map((socket, index) => sockets.assign(socket, index));
    pass(sockets, BpfAttachType.TCX_INGRESS, text.join("\n"));
    expect([0, 1, 2].map((index) => sockets.result(index))).toEqual([0, -Errno.ENOENT, 0]);
    expect([counted, ended, left].map(({ sock }) => sock.get("__sk_common.skc_refcnt.refs.counter"))).toEqual(
      [2, 0, 2],
    );
  });

  it("refuses flags, no socket, and one that nobody finds", () => {
    const sockets = new Sockets();
    const [bound, unbound] = [sockets.udp(), sockets.open(Family.INET, 2)];
    const away = sockets.udp();
    away.sock.point("__sk_common.skc_net.net", unbound.offset);
    const text = [
      sockets.assign(bound, 0, 1n),
      sockets.assign(bound, 1, 1n << 32n),
      sockets.assign(0n, 2),
      sockets.assign(unbound, 3),
      sockets.assign(away, 4),
    ];
    pass(sockets, BpfAttachType.TCX_INGRESS, text.join("\n"));
    const { EINVAL, EOPNOTSUPP, ENETUNREACH } = Errno;
    expect([0, 1, 2, 3, 4].map((index) => sockets.result(index))).toEqual([
      -EINVAL,
      -EINVAL,
      -EINVAL,
      -EOPNOTSUPP,
      -ENETUNREACH,
    ]);
  });

  it("refuses packets that leave, and those of test runs", () => {
    const sockets = new Sockets();
    const { kernel } = sockets;
    const text = `r6 = r1\n${sockets.assign(sockets.udp(), 0)}\nr0 = -1\nexit`;
    const progFd = loadText(kernel, "sched_cls", text);
    kernel.progTestRun({ progFd, dataIn: FRAME });
    expect(sockets.result(0)).toBe(-Errno.EOPNOTSUPP);
    kernel.progAttach({ targetIfindex: 1, attachBpfFd: progFd, attachType: BpfAttachType.TCX_EGRESS });
    kernel.mapUpdateElem({ mapFd: sockets.results, key: new Uint8Array(4), value: new Uint8Array(8) });
    kernel.send(FRAME, { device: kernel.namespace.loopback });
    expect(sockets.result(0)).toBe(-Errno.EOPNOTSUPP);
  });

  it("knows whose a packet is that comes in only behind tcx", () => {
    const sockets = new Sockets();
    const { kernel } = sockets;
    const text = `r6 = r1\n${OWNER}\n${store(sockets.results, 0)}\nr0 = -1\nexit`;
    const attachBpfFd = loadText(kernel, "sched_cls", text);
    kernel.progAttach({ targetIfindex: 1, attachBpfFd, attachType: BpfAttachType.TCX_INGRESS });
    kernel.receive(FRAME, { device: kernel.namespace.loopback, socket: sockets.udp() });
    expect(sockets.result(0)).toBe(0);
  });
});

describe("bpf_sk_assign of lookups", () => {
  /** Ethernet, IPv4, UDP. */
  const PACKET = new Uint8Array(64);
  PACKET.set([8, 0, 0x45, 0, 0, 50], 12);
  PACKET.set([17], 23);

  const look = (sockets: Sockets, text: string, result = 1) => {
    const { kernel } = sockets;
    const expectedAttachType = BpfAttachType.SK_LOOKUP;
    const code = `r6 = r1\n${text}\nr0 = ${result}\nexit`;
    const progFd = loadText(kernel, "sk_lookup", code, { expectedAttachType });
    const targetFd = kernel.port.open("/proc/self/ns/net");
    kernel.linkCreate({ progFd, targetFd, attachType: expectedAttachType });
    return kernel.receive(PACKET, { device: kernel.namespace.loopback }).verdict;
  };

  it("chooses a socket once, unless told that it may be another", () => {
    const sockets = new Sockets();
    const [one, two] = [sockets.udp(), sockets.udp()];
    const text = [
      sockets.assign(one, 0),
      sockets.assign(two, 1),
      sockets.assign(two, 2, 1n),
      sockets.assign(0n, 3),
      sockets.assign(0n, 4, 3n),
      sockets.assign(one, 5, 2n),
      sockets.assign(one, 6, 4n),
    ];
    look(sockets, text.join("\n"));
    const { EEXIST, EINVAL } = Errno;
    expect([0, 1, 2, 3, 4, 5, 6].map((index) => sockets.result(index))).toEqual([
      0,
      -EEXIST,
      0,
      -EEXIST,
      0,
      0,
      -EINVAL,
    ]);
  });

  it("of another family or protocol, connected or counted: refused", () => {
    const sockets = new Sockets();
    const [tcp, both, six] = [sockets.open(Family.INET, 1), sockets.udp(10), sockets.udp(10)];
    tcp.sock.set("__sk_common.skc_flags", 1 << 23);
    six.sock.set("__sk_common.skc_ipv6only", 1);
    const connected = sockets.udp();
    connected.sock.set("__sk_common.skc_state", State.ESTABLISHED);
    const text = [
      sockets.assign(tcp, 0),
      sockets.assign(both, 1),
      sockets.assign(six, 2, 1n),
      sockets.assign(connected, 3, 1n),
      sockets.assign(sockets.open(Family.INET, 2), 4, 1n),
    ];
    look(sockets, text.join("\n"));
    const { EPROTOTYPE, EAFNOSUPPORT, ESOCKTNOSUPPORT } = Errno;
    expect([0, 1, 2, 3, 4].map((index) => sockets.result(index))).toEqual([
      -EPROTOTYPE,
      0,
      -EAFNOSUPPORT,
      -ESOCKTNOSUPPORT,
      -ESOCKTNOSUPPORT,
    ]);
  });
});
