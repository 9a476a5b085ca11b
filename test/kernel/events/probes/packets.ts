import { createSocket } from "node:dgram";
import { BtfKind } from "../../../../src/btf/index.ts";
import { BpfAttachType, Errno } from "../../../../src/uapi/index.ts";
import { loadFields } from "../../programs.ts";
import { leave, type Workbench } from "./workbench.ts";

const PAYLOAD = 16;
/** A packet without its link-layer header, as the tracepoint is given it. */
const LENGTH = 28 + PAYLOAD;
const ETHERNET = 14;
const GENERIC_XDP = "bpf_prog_run_generic_xdp";
/** `XDP_FLAGS_SKB_MODE` */
const SKB_MODE = 2;
/** The word that says where a packet is. */
const WHERE = 30;
const CURRENT_CPU = 0xffff_ffffn;

/** Assembly that writes a word with the packet in r8, as flags say. */
const output = (helper: string) => (flags: bigint, index: number) =>
  `
    *(u64 *)(r10 - 16) = 7
    r1 = r8
    r2 = %1
    r3 = ${flags} ll
    r4 = r10
    r4 += -16
    r5 = 8
    call ${helper}
    r7 = r0
    ${leave(index + 1)}`;

/** What `bpf_skb_output` says of a packet that a tracepoint is given, where no place of the array has an event. */
export async function comparePackets(bench: Workbench): Promise<void> {
  const { twins } = bench;
  const rings = bench.keep(
    twins.mustOpen("MAP_CREATE", { mapType: 4, keySize: 4, valueSize: 4, maxEntries: 4 }),
  );
  const asked: readonly bigint[] = [
    CURRENT_CPU,
    (1n << 32n) | CURRENT_CPU,
    (BigInt(LENGTH) << 32n) | CURRENT_CPU,
    (BigInt(LENGTH + 1) << 32n) | CURRENT_CPU,
    (0xf_ffffn << 32n) | CURRENT_CPU,
    (1n << 52n) | CURRENT_CPU,
    4n,
    (BigInt(LENGTH + 1) << 32n) | 4n,
  ];
  const text = `r8 = *(u64 *)(r6 + 0)\n${asked.map(output("bpf_skb_output")).join("\n")}`;
  const progFd = bench.mustLoad("tracing", text, {
    maps: [bench.map, rings],
    fields: {
      attachBtfId: bench.typeId("btf_trace_netif_receive_skb", BtfKind.TYPEDEF),
      expectedAttachType: BpfAttachType.TRACE_RAW_TP,
    },
  });
  bench.keep(twins.mustOpen("RAW_TRACEPOINT_OPEN", { progFd }));
  bench.reset();
  await sendToOurselves();
  const { kernel } = twins;
  const frame = new Uint8Array(ETHERNET + LENGTH);
  frame.set([8, 0, 0x45], 12);
  kernel.receive(frame, { device: kernel.namespace.loopback, task: kernel.task });
  bench.words("bpf_skb_output", asked.length);
  if (bench.word(twins.sides[1], 1) !== BigInt(-Errno.ENOENT)) twins.differences.push("no packet came");
  bench.closeAll();
}

/** What `bpf_xdp_output` says of a packet of XDP, at the end of a function that is given one. */
export async function compareXdp(bench: Workbench): Promise<void> {
  const { twins } = bench;
  const { kernel } = twins;
  const length = ETHERNET + LENGTH;
  const rings = bench.keep(
    twins.mustOpen("MAP_CREATE", { mapType: 4, keySize: 4, valueSize: 4, maxEntries: 4 }),
  );
  const asked = [0, 1, length, length + 1, 0xf_ffff].map((bytes) => (BigInt(bytes) << 32n) | CURRENT_CPU);
  asked.push((1n << 52n) | CURRENT_CPU, 4n);
  const text = `r8 = *(u64 *)(r6 + 8)\n${asked.map(output("bpf_xdp_output")).join("\n")}`;
  const progFd = bench.mustLoad("tracing", text, {
    maps: [bench.map, rings],
    fields: {
      attachBtfId: bench.typeId(GENERIC_XDP),
      expectedAttachType: BpfAttachType.TRACE_FEXIT,
    },
  });
  bench.keep(twins.mustOpen("RAW_TRACEPOINT_OPEN", { progFd }));
  // In the embedded kernel a program of XDP tells where its packet is, which stays there until the next one comes.
  const telling = loadFields("xdp", `r7 = r1\n${leave(WHERE)}\nr0 = 2\nexit`, { maps: [bench.map] });
  const pass = bench.keep(twins.mustOpen("PROG_LOAD", telling, { ignore: ["insns", "logTrueSize"] }));
  const link = bench.keep(
    twins.mustOpen("LINK_CREATE", {
      progFd: pass,
      targetFd: 1,
      attachType: BpfAttachType.XDP,
      flags: SKB_MODE,
    }),
  );
  bench.reset();
  await sendToOurselves();
  kernel.progTestRun({ progFd: pass.embedded, dataIn: new Uint8Array(length) });
  const xdp = BigInt.asUintN(64, bench.word(twins.sides[0], WHERE));
  kernel.fire(`function:${GENERIC_XDP}`, { args: [0, xdp, 0], result: 2 }, { task: kernel.task });
  bench.words("bpf_xdp_output", asked.length);
  twins.close(link);
  if (bench.word(twins.sides[1], 1) !== BigInt(-Errno.ENOENT)) twins.differences.push("no packet came");
}

/** A packet through the loopback device, from this process to itself. */
async function sendToOurselves(): Promise<void> {
  const socket = createSocket("udp4");
  await new Promise<void>((done) => socket.bind(0, "127.0.0.1", done));
  await new Promise((done) => socket.send(new Uint8Array(PAYLOAD), socket.address().port, "127.0.0.1", done));
  socket.close();
}
