import { describe, expect, it } from "vitest";
import { bytesOfHex } from "../../../src/base/index.ts";
import { EmbeddedKernel } from "../../../src/kernel/index.ts";
import { BpfAttachType, TcxAction, XdpAction, XdpFlag } from "../../../src/uapi/index.ts";
import { loadText, refusal, u32 } from "../support.ts";
import { count, store, wordAt, words } from "./support.ts";

/** Ethernet, IPv4 10.0.0.1 → 10.0.0.2, UDP 1000 → 53, and "hello". */
const FRAME = bytesOfHex(
  `000000000000000000000000${"0800"}4500002100000000401100000a0000010a00000203e80035000d000068656c6c6f`,
)!;
const IP = 14;
const UDP = 34;

/** A program of a packet that counts, and gives a number. */
const counting = (mapFd: number, result: number | string, index = 0) =>
  `${count(mapFd, index)}\nr0 = ${result}\nexit`;

describe("XDP", () => {
  it("decides before all others, on the device that it is attached to", () => {
    const kernel = new EmbeddedKernel();
    const mapFd = words(kernel);
    const eth0 = kernel.namespace.addDevice({ name: "eth0", nativeXdp: true });
    const progFd = loadText(kernel, "xdp", counting(mapFd, XdpAction.DROP));
    const link = kernel.linkCreate({ progFd, targetIfindex: eth0.ifindex, attachType: BpfAttachType.XDP });
    expect(kernel.receive(FRAME, { device: eth0 })).toMatchObject({ verdict: "dropped", by: "xdp", runs: 1 });
    expect(kernel.receive(FRAME, { device: kernel.namespace.loopback })).toMatchObject({
      verdict: "accepted",
    });
    kernel.linkUpdate({ linkFd: link, newProgFd: loadText(kernel, "xdp", `r0 = ${XdpAction.TX}\nexit`) });
    expect(kernel.receive(FRAME, { device: eth0 }).verdict).toBe("transmitted");
    kernel.linkDetach({ linkFd: link });
    expect(kernel.receive(FRAME, { device: eth0 }).verdict).toBe("accepted");
    expect(wordAt(kernel, mapFd, 0)).toBe(1n);
  });

  it("changes what others see", () => {
    const kernel = new EmbeddedKernel();
    const eth0 = kernel.namespace.addDevice({ name: "eth0", nativeXdp: true });
    const text = `
      r2 = *(u32 *)(r1 + 0)
      r3 = *(u32 *)(r1 + 4)
      r4 = r2
      r4 += 34
      if r4 > r3 goto +1
      *(u8 *)(r2 + 23) = 6
      r0 = ${XdpAction.PASS}
      exit`;
    kernel.linkCreate({
      progFd: loadText(kernel, "xdp", text),
      targetIfindex: eth0.ifindex,
      attachType: BpfAttachType.XDP,
    });
    expect(kernel.receive(FRAME, { device: eth0 }).bytes[23]).toBe(6);
  });

  it("has one program in a mode, and none that the driver does not run", () => {
    const kernel = new EmbeddedKernel();
    const progFd = loadText(kernel, "xdp", "r0 = 2\nexit");
    const attach = (targetIfindex: number, flags = 0) =>
      refusal(() => kernel.linkCreate({ progFd, targetIfindex, attachType: BpfAttachType.XDP, flags }));
    expect([
      attach(1, XdpFlag.DRV_MODE),
      attach(2),
      attach(1, 1),
      attach(1, XdpFlag.SKB_MODE),
      attach(1),
    ]).toEqual(["EOPNOTSUPP", "EINVAL", "EINVAL", "granted", "EBUSY"]);
  });
});

describe("frames", () => {
  it("have a header, and fit into a page", () => {
    const kernel = new EmbeddedKernel();
    const device = kernel.namespace.loopback;
    expect(() => kernel.receive(new Uint8Array(13), { device })).toThrow(RangeError);
    expect(() => kernel.send(new Uint8Array(4000), { device })).toThrow(RangeError);
    expect(kernel.receive(new Uint8Array(14), { device }).verdict).toBe("accepted");
    expect(kernel.receive(new Uint8Array(1514), { device }).verdict).toBe("accepted");
  });
});

describe("tcx", () => {
  it("runs programs in the order that they are given, until one decides", () => {
    const kernel = new EmbeddedKernel();
    const mapFd = words(kernel);
    const device = kernel.namespace.loopback;
    const attachType = BpfAttachType.TCX_INGRESS;
    const program = (index: number, action: number) =>
      loadText(kernel, "sched_cls", counting(mapFd, action, index));
    const pass = program(0, TcxAction.PASS);
    const next = program(1, TcxAction.NEXT);
    kernel.progAttach({ targetIfindex: 1, attachBpfFd: pass, attachType });
    // In front of the other.
    kernel.progAttach({ targetIfindex: 1, attachBpfFd: next, attachType, attachFlags: 8 });
    expect(kernel.receive(FRAME, { device })).toMatchObject({ verdict: "accepted", runs: 2 });
    const drop = program(2, TcxAction.DROP);
    const link = kernel.linkCreate({
      progFd: drop,
      targetIfindex: 1,
      attachType,
      flags: 8,
      tcxRelativeFd: pass,
    });
    expect(kernel.receive(FRAME, { device })).toMatchObject({ verdict: "dropped", by: "tcx", runs: 2 });
    kernel.port.close(link);
    kernel.progDetach({ targetIfindex: 1, attachBpfFd: pass, attachType });
    kernel.receive(FRAME, { device });
    expect([0, 1, 2].map((index) => wordAt(kernel, mapFd, index))).toEqual([1n, 3n, 1n]);
    expect(kernel.progQuery({ targetIfindex: 1, attachType }).revision).toBe(6n);
  });

  it("sees the link-layer header of what is received and sent", () => {
    const kernel = new EmbeddedKernel();
    const mapFd = words(kernel);
    const text = (index: number) => `r7 = *(u32 *)(r1 + 0)\n${store(mapFd, index)}\nr0 = -1\nexit`;
    for (const [index, attachType] of [BpfAttachType.TCX_INGRESS, BpfAttachType.TCX_EGRESS].entries()) {
      const attachBpfFd = loadText(kernel, "sched_cls", text(index));
      kernel.progAttach({ targetIfindex: 1, attachBpfFd, attachType });
    }
    kernel.send(FRAME, { device: kernel.namespace.loopback });
    expect([0, 1].map((index) => wordAt(kernel, mapFd, index))).toEqual([47n, 47n]);
  });
});

describe("packets at tcx", () => {
  it("are as long on the wire as Linux counts, and nobody's when they arrive", () => {
    const kernel = new EmbeddedKernel();
    const mapFd = words(kernel);
    const socket = kernel.socketOf(kernel.port.socket(2, 2, 0));
    const attachTypes = [BpfAttachType.TCX_INGRESS, BpfAttachType.TCX_EGRESS];
    for (const [index, attachType] of attachTypes.entries()) {
      // wire_len, and whether there is a socket.
      const text = `
        r6 = r1
        r7 = *(u32 *)(r6 + 160)
        ${store(mapFd, 2 * index)}
        r7 = *(u64 *)(r6 + 168)
        if r7 == 0 goto +1
        r7 = 1
        ${store(mapFd, 2 * index + 1)}
        r0 = -1
        exit`;
      const attachBpfFd = loadText(kernel, "sched_cls", text);
      kernel.progAttach({ targetIfindex: 1, attachBpfFd, attachType });
    }
    kernel.send(FRAME, { device: kernel.namespace.loopback, socket, receiver: socket });
    // What arrives is counted without its link-layer header.
    expect([0, 1, 2, 3].map((index) => Number(wordAt(kernel, mapFd, index)))).toEqual([
      FRAME.length - IP,
      0,
      FRAME.length,
      1,
    ]);
  });
});

describe("control groups", () => {
  const socketIn = (kernel: EmbeddedKernel, path: string) => {
    const cgroup = kernel.cgroups.ensure(path);
    const process = kernel.process();
    process.task.cgroup = cgroup;
    return process.socketOf(process.port.socket(2, 2, 17));
  };

  it("decide on packets of their sockets, and of those of groups below", () => {
    const kernel = new EmbeddedKernel();
    const mapFd = words(kernel);
    const [app, other] = [socketIn(kernel, "/app/worker"), socketIn(kernel, "/other")];
    const text = `
      r7 = *(u32 *)(r1 + 0)
      ${store(mapFd, 0)}
      r0 = 0
      exit`;
    const targetFd = kernel.port.open("/sys/fs/cgroup/app");
    expect(targetFd).toBeGreaterThan(0);
    const attachType = BpfAttachType.CGROUP_INET_EGRESS;
    const progFd = loadText(kernel, "cgroup_skb", text);
    kernel.progAttach({ targetFd, attachBpfFd: progFd, attachType });
    const device = kernel.namespace.loopback;
    expect(kernel.send(FRAME, { device, socket: app })).toMatchObject({
      verdict: "dropped",
      by: "cgroup_skb",
    });
    // What they see begins with the network header.
    expect(wordAt(kernel, mapFd, 0)).toBe(BigInt(FRAME.length - IP));
    expect(kernel.send(FRAME, { device, socket: other }).verdict).toBe("accepted");
    expect(kernel.receive(FRAME, { device, socket: app }).verdict).toBe("accepted");
  });

  it("have values of their own in maps of their storage, as long as they are there", () => {
    const kernel = new EmbeddedKernel();
    const mapFd = kernel.mapCreate({ mapType: 19, keySize: 8, valueSize: 8, maxEntries: 0 });
    const seen = words(kernel);
    const text = `
      r1 = map[id:${mapFd}]
      r2 = 0
      call bpf_get_local_storage
      r1 = 1
      lock *(u64 *)(r0 + 0) += r1
      r7 = *(u64 *)(r0 + 0)
      ${store(seen, 0)}
      r0 = 1
      exit`;
    const progFd = loadText(kernel, "cgroup_skb", text);
    const attachType = BpfAttachType.CGROUP_INET_INGRESS;
    const sockets = ["/a", "/b"].map((path) => socketIn(kernel, path));
    for (const path of ["a", "b"]) {
      const targetFd = kernel.port.open(`/sys/fs/cgroup/${path}`);
      kernel.progAttach({ targetFd, attachBpfFd: progFd, attachType, attachFlags: 2 });
    }
    const device = kernel.namespace.loopback;
    const receive = (index: number) => {
      kernel.receive(FRAME, { device, socket: sockets[index]! });
      return Number(wordAt(kernel, seen, 0));
    };
    expect([0, 0, 1, 0, 1].map(receive)).toEqual([1, 2, 1, 3, 2]);
    const targetFd = kernel.port.open("/sys/fs/cgroup/a");
    kernel.progDetach({ targetFd, attachBpfFd: progFd, attachType });
    kernel.linkCreate({ targetFd, progFd, attachType });
    expect(receive(0)).toBe(4);
  });

  it("are gone with what was attached to them", () => {
    const kernel = new EmbeddedKernel();
    kernel.port.makeDirectory("/sys/fs/cgroup/short");
    const targetFd = kernel.port.open("/sys/fs/cgroup/short");
    const attachType = BpfAttachType.CGROUP_INET_INGRESS;
    const progFd = loadText(kernel, "cgroup_skb", "r0 = 1\nexit");
    const linkFd = kernel.linkCreate({ progFd, targetFd, attachType });
    expect(kernel.port.remove("/sys/fs/cgroup/short")).toBe(0);
    expect(refusal(() => kernel.linkUpdate({ linkFd, newProgFd: progFd }))).toBe("ENOLINK");
    kernel.port.close(linkFd);
    expect(kernel.port.open("/sys/fs/cgroup/short")).toBe(-2);
  });

  it("have a say in what sockets there are", () => {
    const kernel = new EmbeddedKernel();
    const targetFd = kernel.port.open("/sys/fs/cgroup");
    const attachType = BpfAttachType.CGROUP_INET_SOCK_CREATE;
    const text = "r0 = *(u32 *)(r1 + 8)\nr0 &= 1\nexit";
    const progFd = loadText(kernel, "cgroup_sock", text, { expectedAttachType: attachType });
    kernel.linkCreate({ progFd, targetFd, attachType });
    // SOCK_DGRAM is even.
    expect([kernel.port.socket(2, 2, 17), kernel.port.socket(2, 1, 6) > 0]).toEqual([-1, true]);
  });
});

describe("socket filters", () => {
  it("choose how much of which packets a socket takes", () => {
    const kernel = new EmbeddedKernel();
    const fd = kernel.port.socket(2, 2, 17);
    const socket = kernel.socketOf(fd);
    const device = kernel.namespace.loopback;
    // The length as it sees it, from the transport header on, less one byte.
    const progFd = loadText(kernel, "socket_filter", "r0 = *(u32 *)(r1 + 0)\nr0 += -1\nexit");
    expect(kernel.port.setSocketOption(fd, 1, 50, u32(progFd))).toBe(0);
    expect(kernel.receive(FRAME, { device, socket }).verdict).toBe("accepted");
    expect(socket.received[0]).toEqual(FRAME.subarray(UDP, FRAME.length - 1));
    const none = loadText(kernel, "socket_filter", "r0 = 0\nexit");
    kernel.port.setSocketOption(fd, 1, 50, u32(none));
    expect(kernel.receive(FRAME, { device, socket })).toMatchObject({
      verdict: "dropped",
      by: "socket_filter",
    });
    expect(kernel.port.setSocketOption(fd, 1, 27, u32(0))).toBe(0);
    expect(kernel.port.setSocketOption(fd, 1, 27, u32(0))).toBe(-2);
    expect(kernel.receive(FRAME, { device, socket }).verdict).toBe("accepted");
    expect(socket.received.length).toBe(2);
  });
});

describe("sk_lookup and netfilter", () => {
  it("programs say which packets have a socket", () => {
    const kernel = new EmbeddedKernel();
    const targetFd = kernel.port.open("/proc/self/ns/net");
    const attachType = BpfAttachType.SK_LOOKUP;
    // The local port, in the host's order.
    const text = "r0 = *(u32 *)(r1 + 60)\nif r0 == 53 goto +2\nr0 = 1\nexit\nr0 = 0\nexit";
    const progFd = loadText(kernel, "sk_lookup", text, { expectedAttachType: attachType });
    const link = kernel.linkCreate({ progFd, targetFd, attachType });
    const device = kernel.namespace.loopback;
    expect(kernel.receive(FRAME, { device })).toMatchObject({ verdict: "dropped", by: "sk_lookup" });
    const other = FRAME.slice();
    other[UDP + 3] = 54;
    expect(kernel.receive(other, { device }).verdict).toBe("accepted");
    kernel.port.close(link);
    expect(kernel.receive(FRAME, { device }).verdict).toBe("accepted");
  });

  it("programs run in the order of their priority", () => {
    const kernel = new EmbeddedKernel();
    const mapFd = words(kernel);
    const attach = (index: number, result: number, netfilterPriority: number) =>
      kernel.linkCreate({
        progFd: loadText(kernel, "netfilter", counting(mapFd, result, index), {
          expectedAttachType: BpfAttachType.NETFILTER,
        }),
        attachType: BpfAttachType.NETFILTER,
        netfilterPf: 2,
        netfilterHooknum: 1,
        netfilterPriority,
      });
    attach(0, 1, 100);
    expect(refusal(() => attach(0, 1, 100))).toBe("EBUSY");
    attach(1, 0, -100);
    const device = kernel.namespace.loopback;
    expect(kernel.receive(FRAME, { device })).toMatchObject({ verdict: "dropped", by: "netfilter", runs: 1 });
    expect([0, 1].map((index) => wordAt(kernel, mapFd, index))).toEqual([0n, 1n]);
  });
});
