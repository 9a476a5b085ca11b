import { CaptureReader, layersOf, packetsOf } from "../src/packets/index.ts";
import type { Benchmark } from "./frame.ts";
import { projectFile } from "./places.ts";

const CHUNK = 65_536;

export const PACKET_BENCHMARKS: readonly Benchmark[] = [
  {
    name: "packets.iterate",
    operation: "packet",
    candidates() {
      const file = projectFile("testdata/flow/traffic.pcap");
      return [
        { name: "packetsOf", run: () => count(packetsOf(file)) },
        { name: `CaptureReader, chunks of ${CHUNK} bytes`, run: () => chunked(file) },
        { name: "stepping over record headers only", run: () => headersOnly(file) },
      ];
    },
  },
  {
    name: "packets.layers",
    operation: "packet",
    candidates() {
      const file = projectFile("testdata/flow/traffic.pcap");
      return [
        {
          name: "layersOf, ports of each",
          run: () => {
            let packets = 0;
            let ports = 0;
            for (const packet of packetsOf(file)) {
              const transport = layersOf(packet.data, packet.linktype)?.transport;
              if (transport && "sourcePort" in transport) ports += transport.sourcePort;
              packets++;
            }
            return ports < 0 ? 0 : packets;
          },
        },
      ];
    },
  },
];

function count(packets: Iterable<{ readonly length: number }>): number {
  let found = 0;
  let bytes = 0;
  for (const packet of packets) {
    found++;
    bytes += packet.length;
  }
  return bytes < 0 ? 0 : found;
}

function chunked(file: Uint8Array): number {
  const reader = new CaptureReader();
  let found = 0;
  for (let at = 0; at < file.length; at += CHUNK) {
    reader.feed(file.subarray(at, at + CHUNK));
    found += count(reader);
  }
  reader.end();
  return found;
}

/** What any reader of the format has to do at least. */
function headersOnly(file: Uint8Array): number {
  const view = new DataView(file.buffer);
  let found = 0;
  for (let at = 24; at < file.length; at += 16 + view.getUint32(at + 8, true)) found++;
  return found;
}
