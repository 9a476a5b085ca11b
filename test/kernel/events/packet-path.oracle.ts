import { spawnSync } from "node:child_process";
import { afterAll, beforeAll, expect, it } from "vitest";
import { linuxTypes } from "../../../src/node/index.ts";
import { BpfAttachType as A } from "../../../src/uapi/index.ts";
import { type LiveSockets, liveSockets, socketAddress } from "../../support/live-sockets.ts";
import { describeWith, liveKernel } from "../../support/referee.ts";
import { load } from "../programs.ts";
import { type Fields, Pair, type Side, Twins } from "../twins.ts";
import { Stage } from "./stage.ts";

const PAYLOAD = new TextEncoder().encode("sixteen bytes...");
const PORT = 4242;
const ADDRESS = socketAddress(Uint8Array.of(127, 0, 0, 1), PORT);

/** What programs leave in their map. */
const Word = { ORDER: 0, LENGTHS: 1 };

/** Appends a digit to the order, and notes the length that the program sees in r8. */
function note(digit: number): string {
  const entry = (index: number) => `
    *(u32 *)(r10 - 4) = ${index}
    r2 = r10
    r2 += -4
    r1 = %0
    call bpf_map_lookup_elem`;
  return `
    ${entry(Word.ORDER)}
    if r0 == 0 goto +4
    r1 = *(u64 *)(r0 + 0)
    r1 <<= 4
    r1 |= ${digit}
    *(u64 *)(r0 + 0) = r1
    ${entry(Word.LENGTHS + digit)}
    if r0 == 0 goto +1
    *(u64 *)(r0 + 0) = r8`;
}

const SKB_LENGTH = "r8 = *(u32 *)(r1 + 0)";

/** Fields of `struct __sk_buff` that all its programs read: from `pkt_type` on, but for what times and hashes it has. */
const FIELDS = [4, 8, 12, 16, 20, 24, 28, 32, 36, 40, 44];
/** Those of its socket, which programs of control groups read. */
const SOCKET_FIELDS = [88, 92, 96, 132, 136];
/** `wire_len`, which programs of traffic control read, and whether the packet is anybody's. */
const TRAFFIC_FIELDS = [160];
const OWNED = "r7 = *(u64 *)(r6 + 168)\nif r7 == 0 goto +1\nr7 = 1";
const ROOM = 16;

/** Leaves fields of r6 in a second map. */
function fields(digit: number, type: string): string {
  const own = { cgroup_skb: SOCKET_FIELDS, sched_cls: TRAFFIC_FIELDS }[type] ?? [];
  const reads = [...FIELDS, ...own].map((offset) => `r7 = *(u32 *)(r6 + ${offset})`);
  if (type === "sched_cls") reads.push(OWNED);
  return reads
    .map(
      (read, index) => `
        ${read}
        *(u32 *)(r10 - 4) = ${digit * ROOM + index}
        r2 = r10
        r2 += -4
        r1 = %1
        call bpf_map_lookup_elem
        if r0 == 0 goto +1
        *(u64 *)(r0 + 0) = r7`,
    )
    .join("\n");
}

const SKB_TYPES = ["cgroup_skb", "sched_cls", "socket_filter"];

describeWith([liveKernel("6.18")], "the way of a packet, as on Linux", async () => {
  const twins = await Twins.meet({ btf: linuxTypes() });
  const stage = await Stage.set(twins);
  const { kernel } = twins;
  let map: Pair;
  let second: Pair;
  let sender: Pair;
  let receiver: Pair;
  let libc: LiveSockets;
  const process = kernel.process();

  beforeAll(async () => {
    spawnSync("ip", ["link", "set", "lo", "up"]);
    map = twins.mustOpen("MAP_CREATE", { mapType: 2, keySize: 4, valueSize: 8, maxEntries: 16 });
    second = twins.mustOpen("MAP_CREATE", { mapType: 2, keySize: 4, valueSize: 8, maxEntries: 16 * ROOM });
    const group = stage.cgroup("packets");
    stage.enter("packets");
    process.task.cgroup = stage.group("packets");
    const socket = () => {
      const fds = new Pair(process.port.socket(2, 2, 0), twins.sides[1].port.socket(2, 2, 0));
      return fds;
    };
    sender = socket();
    receiver = socket();
    stage.enter(null);
    libc = await liveSockets();
    expect(libc.bind(receiver.linux, ADDRESS)).toBe(0);
    attach("netfilter", 1, { netfilterPf: 2, netfilterHooknum: 3, attachType: A.NETFILTER }, "r8 = 0", 1);
    attach("cgroup_skb", 2, { targetFd: group, attachType: A.CGROUP_INET_EGRESS }, SKB_LENGTH, 1);
    attach("netfilter", 3, { netfilterPf: 2, netfilterHooknum: 4, attachType: A.NETFILTER }, "r8 = 0", 1);
    attach("sched_cls", 4, { targetFd: 1, attachType: A.TCX_EGRESS }, SKB_LENGTH, -1);
    const xdp = "r8 = *(u32 *)(r1 + 4)\nr2 = *(u32 *)(r1 + 0)\nr8 -= r2";
    attach("xdp", 5, { targetFd: 1, attachType: A.XDP }, xdp, 2);
    attach("sched_cls", 6, { targetFd: 1, attachType: A.TCX_INGRESS }, SKB_LENGTH, -1);
    attach("netfilter", 7, { netfilterPf: 2, netfilterHooknum: 0, attachType: A.NETFILTER }, "r8 = 0", 1);
    attach("netfilter", 8, { netfilterPf: 2, netfilterHooknum: 1, attachType: A.NETFILTER }, "r8 = 0", 1);
    attach(
      "sk_lookup",
      9,
      { targetFd: stage.namespace(), attachType: A.SK_LOOKUP },
      "r8 = *(u32 *)(r1 + 60)",
      1,
    );
    attach("cgroup_skb", 10, { targetFd: group, attachType: A.CGROUP_INET_INGRESS }, SKB_LENGTH, 1);
    const filter = program("socket_filter", 11, SKB_LENGTH, 0xffff);
    for (const [side, port] of [
      [twins.sides[0], process.port],
      [twins.sides[1], twins.sides[1].port],
    ] as const) {
      // Programs belong to who loaded them: the other process gets a descriptor by id.
      const fd = side.name === "linux" ? filter.linux : process.progGetFdById({ id: idOf(side, filter) });
      const value = new Uint8Array(Int32Array.of(fd).buffer);
      expect(port.setSocketOption(side.of(receiver), 1, 50, value)).toBe(0);
    }
  });
  afterAll(() => {
    for (const fd of [sender, receiver]) twins.sides[1].port.close(fd.linux);
    twins[Symbol.dispose]();
    stage[Symbol.dispose]();
  });

  const idOf = (side: (typeof twins.sides)[number], pair: Pair) => {
    const info = new Uint8Array(232);
    side.sys.objGetInfoByFd({ bpfFd: side.of(pair), info });
    return new DataView(info.buffer).getUint32(4, true);
  };

  const program = (type: string, digit: number, length: string, result: number): Pair => {
    const expectedAttachType = { netfilter: A.NETFILTER, sk_lookup: A.SK_LOOKUP }[type];
    const expecting = expectedAttachType === undefined ? {} : { fields: { expectedAttachType } };
    const more = SKB_TYPES.includes(type) ? fields(digit, type) : "";
    const text = `r6 = r1\n${length}\n${note(digit)}\n${more}\nr0 = ${result}\nexit`;
    return load(twins, type, text, { maps: [map, second], ...expecting });
  };

  const wordAt = (side: Side, mapFd: Pair, index: number): bigint => {
    const key = new Uint8Array(Uint32Array.of(index).buffer);
    const value = side.sys.mapLookupElem({ mapFd: side.of(mapFd), key })!;
    return new DataView(value.buffer).getBigUint64(0, true);
  };

  const attach = (type: string, digit: number, fields: Fields, length: string, result: number) =>
    twins.mustOpen("LINK_CREATE", { progFd: program(type, digit, length, result), ...fields });

  it("passes all hooks in the same order, each with the same length", () => {
    expect(libc.send(sender.linux, PAYLOAD, ADDRESS)).toBe(PAYLOAD.length);
    const loopback = kernel.namespace.loopback;
    process.socketOf(receiver.embedded).bind({ address: Uint8Array.of(127, 0, 0, 1), port: PORT });
    // The port that Linux chose.
    const port = Number(wordAt(twins.sides[1], second, 2 * ROOM + 15));
    process.socketOf(sender.embedded).bind({ address: new Uint8Array(4), port });
    const delivery = kernel.send(udpFrame(), {
      device: loopback,
      socket: process.socketOf(sender.embedded),
      receiver: process.socketOf(receiver.embedded),
    });
    expect(delivery).toMatchObject({ verdict: "accepted", runs: 11 });
    const words = twins.both("what programs have left", (side) =>
      Array.from({ length: 13 }, (_, index) => wordAt(side, map, index).toString(16)),
    );
    for (const digit of [2, 4, 6, 10, 11])
      twins.both(`fields of the packet at ${digit}`, (side) =>
        Array.from({ length: ROOM }, (_, index) => wordAt(side, second, digit * ROOM + index).toString(16)),
      );
    console.log(`order ${words[0]}; lengths ${words.slice(1).map((word) => Number.parseInt(word, 16))}`);
    expect(twins.taken()).toEqual([]);
  });
});

/** The frame that Linux makes of the payload on its way through the loopback device. */
function udpFrame(): Uint8Array {
  const frame = new Uint8Array(42 + PAYLOAD.length);
  const view = new DataView(frame.buffer);
  view.setUint16(12, 0x0800);
  view.setUint8(14, 0x45);
  view.setUint16(16, 28 + PAYLOAD.length);
  view.setUint8(22, 64);
  view.setUint8(23, 17);
  view.setUint32(26, 0x7f00_0001);
  view.setUint32(30, 0x7f00_0001);
  view.setUint16(34, 1000);
  view.setUint16(36, PORT);
  view.setUint16(38, 8 + PAYLOAD.length);
  frame.set(PAYLOAD, 42);
  return frame;
}
