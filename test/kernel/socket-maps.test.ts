import { describe, expect, it } from "vitest";
import { EmbeddedKernel, type KernelOptions, type KernelSocket } from "../../src/kernel/index.ts";
import { BpfAttachType, BpfMapType as M } from "../../src/uapi/index.ts";
import { store, wordAt, words } from "./events/support.ts";
import { FRAME, loadText, refusal, u32 } from "./support.ts";

const [UNIX, INET] = [1, 2];
const [STREAM, DGRAM] = [1, 2];
const HERE = Uint8Array.of(10, 0, 0, 2);
const THERE = Uint8Array.of(10, 0, 0, 1);
const ESTABLISHED = 1;
const REFERENCES = "__sk_common.skc_refcnt.refs.counter";

interface Opened {
  readonly fd: number;
  readonly socket: KernelSocket;
}

/** A kernel, and sockets of its. */
class Bench {
  readonly kernel: EmbeddedKernel;

  constructor(options: KernelOptions = {}) {
    this.kernel = new EmbeddedKernel(options);
  }

  open(type: number, family = INET): Opened {
    const fd = this.kernel.port.socket(family, type, 0);
    return { fd, socket: this.kernel.socketOf(fd) };
  }

  listening(port = 80): Opened {
    const opened = this.open(STREAM);
    opened.socket.bind({ address: HERE, port });
    opened.socket.listen();
    return opened;
  }

  connected(): Opened {
    const opened = this.open(STREAM);
    opened.socket.connect({ address: THERE, port: 80 }, { address: HERE, port: 1000 });
    return opened;
  }

  /** Of UDP, with SO_REUSEPORT. */
  shared(port = 53): Opened {
    const opened = this.open(DGRAM);
    opened.socket.sock.set("__sk_common.skc_reuseport", 1);
    opened.socket.bind({ address: HERE, port });
    return opened;
  }

  map(mapType: number, valueSize = 8): number {
    return this.kernel.mapCreate({ mapType, keySize: 4, valueSize, maxEntries: 2 });
  }

  put(mapFd: number, at: number, { fd }: Opened, flags = 0): string {
    const value = new Uint8Array(8);
    value.set(u32(fd));
    return refusal(() => this.kernel.mapUpdateElem({ mapFd, key: u32(at), value, flags }));
  }

  /** The cookie of what is there, or null. */
  cookie(mapFd: number, at: number): number | null {
    const value = this.kernel.mapLookupElem({ mapFd, key: u32(at) });
    return value === null ? null : Number(new DataView(value.buffer, value.byteOffset).getBigUint64(0, true));
  }
}

describe.each([
  ["a map of sockets", M.SOCKMAP],
  ["a hash of sockets", M.SOCKHASH],
])("%s", (_, mapType) => {
  it("takes sockets by their kinds and states", () => {
    const bench = new Bench();
    const mapFd = bench.map(mapType);
    const bound = bench.open(DGRAM);
    bound.socket.bind({ address: HERE, port: 53 });
    const outcomes = [
      bench.open(STREAM),
      bench.listening(),
      bench.connected(),
      bench.open(DGRAM),
      bound,
      bench.open(STREAM, UNIX),
      bench.open(DGRAM, UNIX),
    ].map((opened) => bench.put(mapFd, 0, opened));
    const not = "EOPNOTSUPP";
    expect(outcomes).toEqual([not, "granted", "granted", not, "granted", not, "granted"]);
  });

  it("gives cookies, where values have room for them", () => {
    const bench = new Bench();
    const [wide, narrow] = [bench.map(mapType), bench.map(mapType, 4)];
    const [one, other] = [bench.listening(), bench.connected()];
    for (const mapFd of [wide, narrow]) bench.put(mapFd, 0, one);
    bench.put(wide, 1, other);
    expect([bench.cookie(wide, 0), bench.cookie(wide, 1), bench.cookie(wide, 0)]).toEqual([1, 2, 1]);
    expect(refusal(() => bench.cookie(narrow, 0))).toBe("ENOSPC");
    expect(bench.put(wide, 0, other, 1)).toBe("EEXIST");
    expect(bench.put(wide, 2, other)).toBe("E2BIG");
    bench.kernel.mapDeleteElem({ mapFd: wide, key: u32(0) });
    expect(bench.put(wide, 0, other, 2)).toBe("ENOENT");
  });

  it("is left by sockets that end", () => {
    const bench = new Bench();
    const mapFd = bench.map(mapType);
    const [closed, ended] = [bench.listening(), bench.connected()];
    bench.put(mapFd, 0, closed);
    bench.put(mapFd, 1, ended);
    bench.kernel.port.close(closed.fd);
    expect([bench.cookie(mapFd, 0), bench.cookie(mapFd, 1)]).toEqual([null, 1]);
    ended.socket.abort(1);
    expect(bench.cookie(mapFd, 1)).toBeNull();
  });

  it.each(["interp", "jit"] as const)("gives programs sockets (%s)", (engine) => {
    const bench = new Bench({ engine });
    const { kernel } = bench;
    const mapFd = bench.map(mapType);
    const results = words(kernel);
    const counted = bench.connected();
    bench.put(mapFd, 0, counted);
    const text = `
      r6 = r1
      *(u32 *)(r10 - 4) = 0
      r2 = r10
      r2 += -4
      r1 = map[id:${mapFd}]
      call bpf_map_lookup_elem
      if r0 == 0 goto end
      r8 = r0
      r7 = *(u32 *)(r8 + 72)
      r1 = r6
      r2 = r8
      r3 = 0
      call bpf_sk_assign
      r9 = r0
      r1 = r8
      call bpf_sk_release
      r7 <<= 8
      r7 |= r9
      ${store(results, 0)}
      end: r0 = -1
      exit`;
    const attachBpfFd = loadText(kernel, "sched_cls", text);
    kernel.progAttach({ targetIfindex: 1, attachBpfFd, attachType: BpfAttachType.TCX_INGRESS });
    kernel.receive(FRAME, { device: kernel.namespace.loopback });
    expect(wordAt(kernel, results, 0)).toBe(BigInt(ESTABLISHED << 8));
    // Its own, and the packet's: the program gave back what it had.
    expect(counted.socket.sock.get(REFERENCES)).toBe(2);
  });
});

describe("an array of sockets that share an address", () => {
  it("takes those that do, each once", () => {
    const bench = new Bench();
    const [mapFd, other, data] = [
      bench.map(M.REUSEPORT_SOCKARRAY),
      bench.map(M.REUSEPORT_SOCKARRAY),
      bench.map(M.SOCKMAP),
    ];
    const alone = bench.open(DGRAM);
    alone.socket.bind({ address: HERE, port: 54 });
    expect(bench.put(mapFd, 0, alone)).toBe("EINVAL");
    expect(bench.put(mapFd, 0, bench.open(DGRAM, UNIX))).toBe("ENOTSUPP");
    const shared = bench.shared();
    expect(bench.put(mapFd, 0, shared)).toBe("granted");
    for (const [where, at] of [
      [mapFd, 0],
      [mapFd, 1],
      [other, 0],
      [data, 0],
    ] as const)
      expect(bench.put(where, at, shared)).toBe("EBUSY");
    // With the array ends what holds it.
    bench.kernel.port.close(mapFd);
    expect(bench.put(data, 0, shared)).toBe("granted");
    expect(bench.put(other, 0, shared)).toBe("EBUSY");
    bench.kernel.mapDeleteElem({ mapFd: data, key: u32(0) });
    expect(bench.put(other, 0, shared)).toBe("granted");
  });

  it("is left by who is closed, or connected", () => {
    const bench = new Bench();
    const mapFd = bench.map(M.REUSEPORT_SOCKARRAY);
    const [closed, connected] = [bench.shared(), bench.shared()];
    bench.put(mapFd, 0, closed);
    bench.put(mapFd, 1, connected);
    bench.kernel.port.close(closed.fd);
    expect([bench.cookie(mapFd, 0), bench.cookie(mapFd, 1)]).toEqual([null, 1]);
    connected.socket.connect({ address: THERE, port: 53 });
    expect(bench.cookie(mapFd, 1)).toBeNull();
  });
});
