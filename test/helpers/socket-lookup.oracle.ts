import fc from "fast-check";
import { expect, it } from "vitest";
import type { KernelSocket } from "../../src/kernel/index.ts";
import { load } from "../kernel/programs.ts";
import { socketScene } from "../kernel/socket-scene.ts";
import type { Side } from "../kernel/twins.ts";
import { CLOSE_ON_EXEC, socketAddress } from "../support/live-sockets.ts";
import { describeWith, liveKernel } from "../support/referee.ts";

/** Of an element's value: what is looked for, and what was found: the mark of a full socket, the ports of another, and the state. */
const Value = { KIND: 0, LENGTH: 4, NETNS: 8, FLAGS: 16, MARK: 24, STATE: 32, TUPLE: 40, SIZE: 104 } as const;
const ROOM = 64;
/** `struct bpf_sock` */
const Sock = { FAMILY: 4, MARK: 16, PORT: 44, PEER_PORT: 48, STATE: 72 } as const;
const Kind = { TCP: 0, UDP: 1, COMMON: 2 } as const;
const [INET, INET6] = [2, 10];
const [STREAM, DGRAM] = [1, 2];
const [CURRENT, NONE] = [-1n, 0x5555n];

const ANY4 = [0, 0, 0, 0];
const ONE4 = [127, 0, 0, 1];
const TWO4 = [127, 0, 0, 2];
const mapped = (address: readonly number[]) => [...Array(10).fill(0), 255, 255, ...address];
const ANY6: readonly number[] = Array(16).fill(0);
const ONE6: readonly number[] = [...Array(15).fill(0), 1];
const ADDRESSES: readonly (readonly number[])[] = [ANY4, ONE4, TWO4, ANY6, ONE6, mapped(ANY4), mapped(ONE4)];
const PORT = 4500;
const LOOPBACK = 1;

/** A socket, and how it came to be found. */
interface Plan {
  readonly stream: boolean;
  readonly address: readonly number[];
  readonly port: number;
  readonly onlyIpv6: boolean;
  readonly device: boolean;
  readonly reuse: "port" | "address" | "no";
  /** Of UDP: the peer's port. */
  readonly peer: number | null;
}

interface Query {
  readonly kind: number;
  readonly source: readonly number[];
  readonly sourcePort: number;
  readonly destination: readonly number[];
  readonly destinationPort: number;
}

/** Looks at the running kernel, some milliseconds apart, before a difference is one. */
const TURNS = 5;

describeWith([liveKernel("6.18")], "lookups of sockets, as on Linux", async () => {
  const { twins, embedded: embeddedSide, live, kernel, libc } = await socketScene();

  const map = twins.mustOpen("MAP_CREATE", { mapType: 2, keySize: 4, valueSize: Value.SIZE, maxEntries: 1 });
  const found = `
    if r0 == 0 goto +7
    r1 = *(u32 *)(r0 + ${Sock.MARK})
    *(u64 *)(r8 + ${Value.MARK}) = r1
    r1 = *(u32 *)(r0 + ${Sock.STATE})
    *(u64 *)(r8 + ${Value.STATE}) = r1
    r1 = r0
    call bpf_sk_release
    goto +2
    r1 = 0
    *(u64 *)(r8 + ${Value.MARK}) = r1
    r0 = 1
    exit`;
  const look = (helper: string) => `
    r1 = r6
    r2 = r8
    r2 += ${Value.TUPLE}
    r3 = r9
    r4 = *(u64 *)(r8 + ${Value.NETNS})
    r5 = *(u64 *)(r8 + ${Value.FLAGS})
    call ${helper}`;
  const text = `
    r6 = r1
    *(u32 *)(r10 - 4) = 0
    r2 = r10
    r2 += -4
    r1 = %0
    call bpf_map_lookup_elem
    if r0 != 0 goto +2
    r0 = 1
    exit
    r8 = r0
    r9 = *(u32 *)(r8 + ${Value.LENGTH})
    r9 &= ${ROOM - 1}
    r1 = *(u32 *)(r8 + ${Value.KIND})
    if r1 == ${Kind.UDP} goto +20
    if r1 == ${Kind.COMMON} goto +38
    ${look("bpf_sk_lookup_tcp")}
    ${found}
    ${look("bpf_sk_lookup_udp")}
    ${found}
    ${look("bpf_skc_lookup_tcp")}
    if r0 != 0 goto +4
    r1 = 0
    *(u64 *)(r8 + ${Value.MARK}) = r1
    r0 = 1
    exit
    r1 = *(u32 *)(r0 + ${Sock.PORT})
    r2 = *(u32 *)(r0 + ${Sock.FAMILY})
    r2 <<= 16
    r1 |= r2
    r2 = *(u16 *)(r0 + ${Sock.PEER_PORT})
    r2 <<= 32
    r1 |= r2
    *(u64 *)(r8 + ${Value.MARK}) = r1
    r1 = *(u32 *)(r0 + ${Sock.STATE})
    *(u64 *)(r8 + ${Value.STATE}) = r1
    r1 = r0
    call bpf_sk_release
    r0 = 1
    exit`;
  const TYPES = ["xdp", "sched_cls", "cgroup_skb"] as const;
  const programs = new Map(TYPES.map((type) => [type, load(twins, type, text, { maps: [map] })]));
  const FRAME = new Uint8Array(64);
  FRAME.set([8, 0, 0x45], 12);

  const key = new Uint8Array(4);
  const ask = (
    side: Side,
    type: (typeof TYPES)[number],
    { kind, source, sourcePort, destination, destinationPort }: Query,
    { length = 2 * source.length + 4, netns = CURRENT, flags = 0n } = {},
  ): string => {
    const value = new Uint8Array(Value.SIZE);
    const view = new DataView(value.buffer);
    view.setUint32(Value.KIND, kind, true);
    view.setUint32(Value.LENGTH, length, true);
    view.setBigInt64(Value.NETNS, netns, true);
    view.setBigUint64(Value.FLAGS, flags, true);
    view.setBigUint64(Value.MARK, NONE, true);
    value.set([...source, ...destination], Value.TUPLE);
    view.setUint16(Value.TUPLE + 2 * source.length, sourcePort);
    view.setUint16(Value.TUPLE + 2 * source.length + 2, destinationPort);
    side.sys.mapUpdateElem({ mapFd: side.of(map), key, value });
    side.sys.progTestRun({ progFd: side.of(programs.get(type)!), dataIn: FRAME });
    const left = side.sys.mapLookupElem({ mapFd: side.of(map), key })!;
    const results = new DataView(left.buffer, left.byteOffset);
    return `${results.getBigUint64(Value.MARK, true)} in state ${results.getBigUint64(Value.STATE, true)}`;
  };

  const results = new Map<string, number>();
  const compare = (type: (typeof TYPES)[number], query: Query, options = {}) => {
    const ours = ask(embeddedSide, type, query, options);
    let theirs = ask(live, type, query, options);
    // A command that another test of this process starts has our sockets, closed ones too, until it executes.
    for (let turn = 0; turn < TURNS && ours !== theirs; turn++) {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
      theirs = ask(live, type, query, options);
    }
    const state = theirs.startsWith("0 ") ? "nothing" : theirs.replace(/.* in /, "");
    results.set(state, (results.get(state) ?? 0) + 1);
    const what = `${type} ${JSON.stringify(query)}`;
    expect(`${what}: ${ours}`).toBe(`${what}: ${theirs}`);
  };

  /** Sockets of both kernels, closed together. */
  class Sockets implements Disposable {
    readonly #fds: number[] = [];
    readonly #embedded: number[] = [];
    readonly #marks = new Map<string, number>();

    open(family: number, type: number): { fd: number; socket: KernelSocket } {
      const fd = live.port.socket(family, type | CLOSE_ON_EXEC, 0);
      const own = kernel.port.socket(family, type, 0);
      this.#fds.push(fd);
      this.#embedded.push(own);
      return { fd, socket: kernel.socketOf(own) };
    }

    set(fd: number, level: number, option: number, value: number): void {
      const bytes = new Uint8Array(Int32Array.of(value).buffer);
      expect(live.port.setSocketOption(fd, level, option, bytes)).toBe(0);
    }

    /** Marks a socket of both; those of a group are told by no mark. */
    mark(fd: number, socket: KernelSocket, name: string): void {
      const mark = this.#marks.get(name) ?? this.#marks.size + 1;
      this.#marks.set(name, mark);
      this.set(fd, 1, 36, mark);
      socket.sock.set("sk_mark", mark);
    }

    /** Makes it as planned, unless Linux does not let an address be shared so. */
    add({ stream, address, port, onlyIpv6, device, reuse, peer }: Plan): void {
      const family = address.length === 4 ? INET : INET6;
      const { fd, socket } = this.open(family, stream ? STREAM : DGRAM);
      if (family === INET6) {
        this.set(fd, 41, 26, onlyIpv6 ? 1 : 0);
        socket.sock.set("__sk_common.skc_ipv6only", onlyIpv6 ? 1 : 0);
      }
      if (device) {
        this.set(fd, 1, 62, LOOPBACK);
        socket.sock.set("__sk_common.skc_bound_dev_if", LOOPBACK);
      }
      if (reuse === "port") {
        this.set(fd, 1, 15, 1);
        socket.sock.set("__sk_common.skc_reuseport", 1);
      }
      if (reuse === "address") this.set(fd, 1, 2, 1);
      if (libc.bind(fd, socketAddress(Uint8Array.from(address), port)) !== 0) return;
      if (stream && libc.listen(fd) !== 0) return;
      socket.bind({ address: Uint8Array.from(address), port });
      const only = socket.sock.get("__sk_common.skc_ipv6only");
      const group = JSON.stringify({ stream, address, port, only, device });
      this.mark(fd, socket, reuse === "port" ? group : `${group} ${fd}`);
      if (stream) socket.listen();
      else if (peer !== null) {
        const to = family === INET ? ONE4 : address[10] === 255 ? mapped(ONE4) : ONE6;
        if (libc.connect(fd, socketAddress(Uint8Array.from(to), peer)) !== 0) return;
        this.mark(fd, socket, `${group} ${fd} to ${peer}`);
        socket.connect({ address: Uint8Array.from(to), port: peer });
      }
    }

    /** A connection of TCP, seen from both ends. */
    connect(address: readonly number[], port: number, from: number): void {
      const family = address.length === 4 ? INET : INET6;
      const at = Uint8Array.from(address);
      const server = this.open(family, STREAM);
      expect(libc.bind(server.fd, socketAddress(at, port))).toBe(0);
      expect(libc.listen(server.fd)).toBe(0);
      server.socket.bind({ address: at, port });
      server.socket.listen();
      this.mark(server.fd, server.socket, "listens");
      const client = this.open(family, STREAM);
      expect(libc.bind(client.fd, socketAddress(at, from))).toBe(0);
      expect(libc.connect(client.fd, socketAddress(at, port))).toBe(0);
      client.socket.bind({ address: at, port: from });
      client.socket.connect({ address: at, port });
      this.mark(client.fd, client.socket, "connects");
      const fd = libc.accept(server.fd);
      this.#fds.push(fd);
      const own = kernel.port.socket(family, STREAM, 0);
      this.#embedded.push(own);
      const accepted = kernel.socketOf(own);
      accepted.connect({ address: at, port: from }, { address: at, port });
      this.mark(fd, accepted, "accepted");
    }

    [Symbol.dispose](): void {
      // At once, without a state in which its port is still taken.
      for (const fd of this.#fds) {
        live.port.setSocketOption(fd, 1, 13, new Uint8Array(Int32Array.of(1, 0).buffer));
        live.port.close(fd);
      }
      for (const fd of this.#embedded) kernel.port.close(fd);
    }
  }

  const tell = () => {
    console.log([...results].map(([what, count]) => `${what}: ${count}`).join(", "));
    results.clear();
  };

  it("of whatever listens or is bound", () => {
    const plan: fc.Arbitrary<Plan> = fc.record({
      stream: fc.boolean(),
      address: fc.constantFrom(...ADDRESSES),
      port: fc.constant(PORT),
      onlyIpv6: fc.boolean(),
      device: fc.boolean(),
      reuse: fc.constantFrom("port", "address", "no"),
      peer: fc.option(fc.constantFrom(4600, 4601)),
    });
    const peers = { 4: [ONE4, TWO4], 16: [ONE6, mapped(ONE4)] } as const;
    const query: fc.Arbitrary<Query> = fc
      .record({
        kind: fc.constantFrom(Kind.TCP, Kind.UDP, Kind.UDP, Kind.COMMON),
        destination: fc.constantFrom(ONE4, TWO4, ONE6, mapped(ONE4), ANY4, ANY6),
        which: fc.nat(1),
        sourcePort: fc.constantFrom(4600, 4601, 4602),
        destinationPort: fc.constantFrom(PORT, PORT, PORT, PORT, PORT + 1),
      })
      .map(({ which, ...rest }) => ({ ...rest, source: peers[rest.destination.length as 4 | 16][which]! }));
    fc.assert(
      fc.property(
        fc.array(plan, { minLength: 1, maxLength: 8 }),
        fc.array(query, { minLength: 20, maxLength: 20 }),
        fc.constantFrom(...TYPES),
        (plans, queries, type) => {
          using sockets = new Sockets();
          for (const each of plans) sockets.add(each);
          for (const each of queries) compare(type, each);
        },
      ),
      { numRuns: 1500, seed: 6018 },
    );
    tell();
  }, 180_000);

  it("of connections, from both ends", () => {
    for (const [address, other] of [
      [ONE4, TWO4],
      [ONE6, mapped(ONE4)],
    ] as const) {
      using sockets = new Sockets();
      sockets.connect(address, 4510, 4511);
      for (const type of TYPES)
        for (const kind of [Kind.TCP, Kind.COMMON, Kind.UDP])
          for (const source of [address, other])
            for (const [sourcePort, destinationPort] of [
              [4511, 4510],
              [4510, 4511],
              [4512, 4510],
              [4511, 4513],
            ] as const)
              compare(type, { kind, source, sourcePort, destination: address, destinationPort });
    }
    tell();
  });

  it("with flags, namespaces and tuples of any length", () => {
    using sockets = new Sockets();
    sockets.connect(ONE4, 4520, 4521);
    const query = { source: ONE4, sourcePort: 1, destination: ONE4, destinationPort: 4520, kind: Kind.TCP };
    for (const type of TYPES)
      for (const kind of [Kind.TCP, Kind.COMMON]) {
        for (let length = 0; length < ROOM; length++) compare(type, { ...query, kind }, { length });
        for (const flags of [1n, 1n << 32n, 1n << 63n]) compare(type, { ...query, kind }, { flags });
        for (const netns of [0n, 1n, 0x7fff_ffffn, 0x8000_0000n, 0xffff_ffffn, 1n << 32n, -(2n ** 32n), -2n])
          compare(type, { ...query, kind }, { netns });
      }
    tell();
  });
});
