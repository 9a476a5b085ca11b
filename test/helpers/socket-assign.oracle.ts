import { expect, it } from "vitest";
import type { KernelSocket } from "../../src/kernel/index.ts";
import { addressOf } from "../../src/mem/index.ts";
import { programTypeNamed } from "../../src/platform/index.ts";
import { BpfAttachType as A } from "../../src/uapi/index.ts";
import { leave } from "../kernel/events/probes/workbench.ts";
import { code } from "../kernel/programs.ts";
import { socketScene } from "../kernel/socket-scene.ts";
import { Pair, type Side } from "../kernel/twins.ts";
import { socketAddress } from "../support/live-sockets.ts";
import { describeWith, liveKernel } from "../support/referee.ts";

const PORT = 4343;
const LOOPBACK = Uint8Array.of(127, 0, 0, 1);
const WORDS = 40;
const [UDP, TCP] = [2, 1];
const [INET, INET6] = [2, 10];
const NOT_FOUND = 77;
const RCU_FREE = 1 << 23;
const ESTABLISHED = 1;

/** A way to call bpf_sk_assign: with which of the sockets, or with none, and flags. */
type Call = readonly [socket: number | null, flags: bigint];

describeWith([liveKernel("6.18")], "sockets that programs choose, as on Linux", async () => {
  // Programs of the embedded kernel name their sockets by address, also such as no map takes.
  const { twins, stage, live, kernel, libc, opened } = await socketScene({ lenient: true });

  const map = twins.mustOpen("MAP_CREATE", { mapType: 2, keySize: 4, valueSize: 8, maxEntries: WORDS });
  const key = (index: number) => new Uint8Array(Uint32Array.of(index).buffer);
  const reset = () => {
    for (const side of twins.sides)
      for (let index = 0; index < WORDS; index++)
        side.sys.mapUpdateElem({ mapFd: side.of(map), key: key(index), value: new Uint8Array(8).fill(0x55) });
  };
  const compare = (what: string, count: number) => {
    const results = twins.both(what, (side) =>
      Array.from({ length: count }, (_, index) => {
        const value = side.sys.mapLookupElem({ mapFd: side.of(map), key: key(index + 1) })!;
        return Number(new DataView(value.buffer, value.byteOffset).getBigInt64(0, true));
      }),
    );
    // All of them were called.
    expect(results.every((result) => result <= 0)).toBe(true);
    return results;
  };

  interface Sockets {
    /** Descriptor in Linux. */
    readonly fd: number;
    readonly embedded: KernelSocket;
  }
  const open = (
    family: number,
    type: number,
    { bound = true, only6 = false, peer = 0, port = PORT } = {},
  ): Sockets => {
    const fd = live.port.socket(family, type, 0);
    opened.push(fd);
    const embedded = kernel.socketOf(kernel.port.socket(family, type, 0));
    if (family === INET6) {
      live.port.setSocketOption(fd, 41, 26, key(only6 ? 1 : 0));
      if (only6) embedded.sock.set("__sk_common.skc_ipv6only", 1);
    }
    if (bound) {
      expect(libc.bind(fd, socketAddress(family === INET ? LOOPBACK : new Uint8Array(16), port))).toBe(0);
      embedded.bind({ address: new Uint8Array(family === INET ? 4 : 16), port });
    }
    if (type === TCP) {
      expect(libc.listen(fd)).toBe(0);
      embedded.sock.set("__sk_common.skc_flags", RCU_FREE);
      embedded.sock.point("__sk_common.skc_node.pprev", embedded.offset);
    }
    if (peer !== 0) {
      expect(libc.connect(fd, socketAddress(LOOPBACK, peer))).toBe(0);
      embedded.sock.set("__sk_common.skc_state", ESTABLISHED);
    }
    return { fd, embedded };
  };

  /** Calls one after the other; r8 has the socket in Linux. */
  const assigning = (side: Side, call: Call, sockets: readonly Sockets[], index: number) => {
    const [socket, flags] = call;
    const address = socket === null ? 0n : addressOf(sockets[socket]!.embedded.offset);
    return `
      r1 = r6
      ${socket === null ? "r2 = 0" : side.name === "linux" ? "r2 = r8" : `r2 = ${address} ll`}
      r3 = ${flags} ll
      call bpf_sk_assign
      r7 = r0
      ${leave(index + 1)}`;
  };
  const load = (type: string, text: (side: Side) => string, maps: readonly Pair[], expectedAttachType = 0) =>
    twins.keep(
      twins.pair(
        (side) =>
          side.sys.progLoad({
            progType: programTypeNamed(type)!.type,
            insns: code(text(side), maps)(side),
            license: "GPL",
            expectedAttachType,
          }).fd,
      ),
    );
  const udpFrame = (port: number) => {
    const frame = new Uint8Array(43);
    frame.set([8, 0, 0x45, 0, 0, 29], 12);
    frame.set([64, 17, 0, 0, 127, 0, 0, 1, 127, 0, 0, 1, 0x10, 0, port >> 8, port & 255, 0, 9], 22);
    return frame;
  };

  it("for packets that come in, go out, and neither", () => {
    const udp = open(INET, UDP);
    const asked: readonly Call[] = [
      [0, 1n],
      [0, 1n << 32n],
      [0, 0n],
      [0, 0n],
    ];
    const find = `
      r1 = 0x0100007f
      *(u32 *)(r10 - 16) = r1
      *(u32 *)(r10 - 12) = r1
      r1 = ${(((PORT & 255) << 8) | (PORT >> 8)) << 16}
      *(u32 *)(r10 - 8) = r1
      r1 = r6
      r2 = r10
      r2 += -16
      r3 = 12
      r4 = -1
      r5 = 0
      call bpf_sk_lookup_udp
      r8 = r0
      if r8 != 0 goto +2
      r0 = ${NOT_FOUND}
      exit`;
    const text = (side: Side) => `
      r6 = r1
      ${side.name === "linux" ? find : ""}
      ${asked.map((call, index) => assigning(side, call, [udp], index)).join("\n")}
      ${side.name === "linux" ? "r1 = r8\ncall bpf_sk_release" : ""}
      r0 = -1
      exit`;
    const progFd = load("sched_cls", text, [map]);
    for (const attachType of [A.TCX_INGRESS, A.TCX_EGRESS]) {
      reset();
      const link = twins.mustOpen("LINK_CREATE", { progFd, targetFd: 1, attachType });
      const sender = live.port.socket(INET, UDP, 0);
      expect(libc.send(sender, new Uint8Array(1), socketAddress(LOOPBACK, PORT))).toBe(1);
      live.port.close(sender);
      kernel.send(udpFrame(PORT), { device: kernel.namespace.loopback });
      twins.close(link);
      console.log(`attach type ${attachType}: ${compare(`attach type ${attachType}`, asked.length)}`);
    }
    reset();
    twins.both(
      "a test run",
      (side) => side.sys.progTestRun({ progFd: side.of(progFd), dataIn: udpFrame(PORT) }).retval | 0,
    );
    compare("in a test run", asked.length);
    expect(twins.taken()).toEqual([]);
  });

  it("for lookups", () => {
    const one = open(INET, UDP, { port: PORT + 1 });
    const sockets = [
      one,
      open(INET, TCP, { port: PORT + 2 }),
      open(INET6, UDP, { port: PORT + 3 }),
      open(INET6, UDP, { port: PORT + 4, only6: true }),
      open(INET, UDP, { port: PORT + 5, peer: PORT + 1 }),
    ];
    const found = live.sys.mapCreate({ mapType: 15, keySize: 4, valueSize: 4, maxEntries: sockets.length });
    opened.push(found);
    for (const [index, { fd }] of sockets.entries())
      live.sys.mapUpdateElem({ mapFd: found, key: key(index), value: key(fd) });
    const asked: readonly Call[] = [
      [0, 0n],
      [0, 0n],
      [0, 1n],
      [null, 0n],
      [null, 1n],
      [0, 2n],
      [0, 4n],
      [0, 1n << 32n],
      [1, 1n],
      [2, 1n],
      [3, 1n],
      [4, 1n],
      [null, 3n],
    ];
    const text = (side: Side) => `
      r6 = r1
      ${asked
        .map((call, index) => {
          if (side.name === "embedded" || call[0] === null) return assigning(side, call, sockets, index);
          const used = assigning(side, call, sockets, index);
          return `
            *(u32 *)(r10 - 4) = ${call[0]}
            r2 = r10
            r2 += -4
            r1 = %1
            call bpf_map_lookup_elem
            r8 = r0
            if r8 != 0 goto +2
            r0 = 1
            exit
            ${used}
            r1 = r8
            call bpf_sk_release`;
        })
        .join("\n")}
      r0 = 1
      exit`;
    const progFd = load("sk_lookup", text, [map, new Pair(map.embedded, found)], A.SK_LOOKUP);
    reset();
    const link = twins.mustOpen("LINK_CREATE", {
      progFd,
      targetFd: stage.namespace(),
      attachType: A.SK_LOOKUP,
    });
    const sender = live.port.socket(INET, UDP, 0);
    expect(libc.send(sender, new Uint8Array(1), socketAddress(LOOPBACK, PORT + 9))).toBe(1);
    live.port.close(sender);
    kernel.receive(udpFrame(PORT + 9), { device: kernel.namespace.loopback });
    twins.close(link);
    console.log(`lookups: ${compare("lookups", asked.length)}`);
    expect(twins.taken()).toEqual([]);
  });
});

/** Calls of sockets that no port has. */
