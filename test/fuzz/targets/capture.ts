import { messageOf } from "../../../src/base/index.ts";
import {
  CaptureReader,
  layersOf,
  PacketBatch,
  packetsOf,
  transportChecksum,
  verifyTransport,
} from "../../../src/packets/index.ts";
import { mutateBytes } from "../bytes-mutator.ts";
import { fileIn } from "../corpus.ts";
import { complaintAbout, demand } from "../oracle.ts";
import { Random } from "../random.ts";
import type { Target } from "../target.ts";

/** Bytes of the large capture to start from. */
const FRONT = 3000;

/** Captures, pcap and pcapng: the same packets whole and in chunks, and the headers of each. */
export const capture: Target = {
  name: "capture",
  corpus() {
    const captures = [...fileIn("testdata/flow/traffic.pcap"), ...fileIn("testdata/flow/traffic.pcapng")];
    return captures.map((bytes) => bytes.slice(0, FRONT));
  },
  mutate: mutateBytes,
  run(input) {
    const [whole, wholeError] = collect(input.length, function* () {
      for (const packet of packetsOf(input)) {
        headers(packet.data, packet.linktype);
        yield describe(packet);
      }
    });
    const random = new Random(input.length, ...input.subarray(0, 64));
    const [chunked, chunkedError] = collect(input.length, function* () {
      const reader = new CaptureReader();
      // Read from one buffer that is overwritten, as of a file.
      const buffer = new Uint8Array(4096);
      const batch = new PacketBatch(5);
      for (let at = 0; at < input.length; ) {
        const chunk = input.subarray(at, at + 1 + random.small(4095));
        buffer.set(chunk);
        reader.feed(buffer.subarray(0, chunk.length));
        for (;;) {
          reader.look(batch);
          const { count, bytes, places, linktype } = batch;
          for (let i = 0; i < count; i++) {
            const packet = reader.next();
            const [offset, length, original] = places.subarray(3 * i, 3 * i + 3);
            const same =
              packet?.bytes === bytes &&
              packet.offset === offset &&
              packet.length === length &&
              packet.originalLength === original &&
              packet.linktype === linktype;
            demand(same, "packets that were shown together are others one by one");
            yield describe(packet!);
          }
          const packet = reader.next();
          if (packet === null) break;
          yield describe(packet);
        }
        buffer.fill(0xee);
        at += chunk.length;
      }
      reader.end();
    });
    const agree =
      whole.length === chunked.length && whole.every((packet, index) => packet === chunked[index]);
    demand(agree, () => `${whole.length} packets at once and ${chunked.length} in chunks, or others`);
    const [one, other] = [wholeError, chunkedError].map((error) =>
      error === undefined ? "" : messageOf(error),
    );
    // What else a file may be is told by as much of it as there is.
    const same = one === other || (isNoCapture(one) && isNoCapture(other));
    demand(same, () => `at once: ${one}; in chunks: ${other}`);
    if (wholeError !== undefined) throw wholeError;
  },
};

function isNoCapture(message: string | undefined): boolean {
  return message?.startsWith("capture file: offset 0: expected a pcap or pcapng file") === true;
}

function collect(size: number, packets: () => Iterable<string>): [string[], unknown] {
  const found: string[] = [];
  try {
    for (const packet of packets()) found.push(packet);
  } catch (error) {
    const complaint = complaintAbout(error, size);
    if (complaint !== undefined) throw complaint;
    return [found, error];
  }
  return [found, undefined];
}

type Packet = ReturnType<CaptureReader["next"]> & object;

function describe(packet: Packet): string {
  const { data } = packet;
  let sum = 0;
  for (const byte of data) sum = (Math.imul(sum, 31) + byte) | 0;
  const { index, fileOffset, length, originalLength, seconds, nanoseconds, linktype, interfaceId } = packet;
  demand(data.length === length && nanoseconds >= 0 && nanoseconds < 1e9, "a packet is not as it says");
  demand(Number.isInteger(seconds), () => `the time is ${seconds} s`);
  return [index, fileOffset, length, originalLength, seconds, nanoseconds, linktype, interfaceId, sum].join(
    " ",
  );
}

/** Reads every property of every header. */
function headers(data: Uint8Array, linktype: number): void {
  const layers = layersOf(data, linktype);
  if (layers === null) return;
  const { network, transport } = layers;
  for (const view of [network, transport]) {
    if (view === null) continue;
    for (const [name, { get }] of Object.entries(
      Object.getOwnPropertyDescriptors(Object.getPrototypeOf(view)),
    )) {
      if (get === undefined) continue;
      const value: unknown = get.call(view);
      demand(value !== undefined && !Number.isNaN(value), `${name} is ${value}`);
    }
  }
  if (network === null || !("payloadEnd" in network)) return;
  verifyTransport(network);
  transportChecksum(network);
}
