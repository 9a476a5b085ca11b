import { createSocket } from "node:dgram";
import { BtfKind } from "../../../../src/btf/index.ts";
import { BpfAttachType, Errno } from "../../../../src/uapi/index.ts";
import { leave, type Workbench } from "./workbench.ts";

const PAYLOAD = 16;
/** A packet without its link-layer header, as the tracepoint is given it. */
const LENGTH = 28 + PAYLOAD;
const CURRENT_CPU = 0xffff_ffffn;

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
  const output = (flags: bigint, index: number) => `
    *(u64 *)(r10 - 16) = 7
    r1 = r8
    r2 = %1
    r3 = ${flags} ll
    r4 = r10
    r4 += -16
    r5 = 8
    call bpf_skb_output
    r7 = r0
    ${leave(index + 1)}`;
  const text = `r8 = *(u64 *)(r6 + 0)\n${asked.map(output).join("\n")}`;
  const progFd = bench.mustLoad("tracing", text, {
    maps: [bench.map, rings],
    fields: {
      attachBtfId: bench.typeId("btf_trace_netif_receive_skb", BtfKind.TYPEDEF),
      expectedAttachType: BpfAttachType.TRACE_RAW_TP,
    },
  });
  bench.keep(twins.mustOpen("RAW_TRACEPOINT_OPEN", { progFd }));
  bench.reset();
  const socket = createSocket("udp4");
  await new Promise<void>((done) => socket.bind(0, "127.0.0.1", done));
  await new Promise((done) => socket.send(new Uint8Array(PAYLOAD), socket.address().port, "127.0.0.1", done));
  socket.close();
  const { kernel } = twins;
  const frame = new Uint8Array(14 + LENGTH);
  frame.set([8, 0, 0x45], 12);
  kernel.receive(frame, { device: kernel.namespace.loopback, task: kernel.task });
  bench.words("bpf_skb_output", asked.length);
  twins.both("it ran", () => true);
  if (bench.word(twins.sides[1], 1) !== BigInt(-Errno.ENOENT)) twins.differences.push("no packet came");
}
