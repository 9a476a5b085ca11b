import { closeSync, openSync, writeSync } from "node:fs";
import { IP_PROTOCOL, internetChecksum, PcapWriter } from "../src/packets/index.ts";
import { randomWords } from "./jit/packets.ts";

const FLOWS = 4096;
/** Of the ports that flows go to: web, name service, and one that nobody serves. */
const PORTS = [443, 443, 80, 53, 8080, 23];
/** Packets after which what was written is taken out of memory. */
const PART = 10_000;

const MINIMUM_FRAME = 60;
const ETHERNET = 14;
const IPV4 = 20;
const IPV6 = 40;
const TCP = 20;
const UDP = 8;

/**
 * Writes a capture of made-up traffic: small packets of 4,096 flows, IPv4 and some IPv6, TCP and some UDP, some with
 * a VLAN tag. The same number gives the same file.
 */
export function writeCapture(path: string, packets: number): void {
  const next = randomWords(1);
  const random = (limit: number) => next() % limit;
  const frames = Array.from({ length: FLOWS }, () => frameOf(random));
  const writer = new PcapWriter();
  const file = openSync(path, "w");
  try {
    for (let i = 0; i < packets; i++) {
      // A few flows have most of the packets.
      const flow = Math.min(random(FLOWS), random(FLOWS));
      writer.write({ data: frames[flow]!, seconds: Math.floor(i / 1e6), nanoseconds: (i % 1e6) * 1000 });
      if (i % PART === PART - 1) writeSync(file, writer.take());
    }
    writeSync(file, writer.take());
  } finally {
    closeSync(file);
  }
}

function frameOf(random: (limit: number) => number): Uint8Array {
  const tagged = random(10) === 0;
  const six = random(5) === 0;
  const udp = random(4) === 0;
  const network = ETHERNET + (tagged ? 4 : 0);
  const transport = network + (six ? IPV6 : IPV4);
  const payload = random(3) === 0 ? random(64) : 0;
  const end = transport + (udp ? UDP : TCP) + payload;
  const frame = new Uint8Array(Math.max(end, MINIMUM_FRAME));
  const view = new DataView(frame.buffer);
  // Locally administered addresses.
  frame.set([2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1]);
  if (tagged) view.setUint32(12, 0x8100_0014);
  view.setUint16(network - 2, six ? 0x86dd : 0x0800);
  const protocol = udp ? IP_PROTOCOL.UDP : IP_PROTOCOL.TCP;
  if (six) {
    view.setUint32(network, 0x6000_0000);
    view.setUint16(network + 4, end - transport);
    view.setUint16(network + 6, (protocol << 8) | 64);
    for (const at of [network + 8, network + 24]) {
      view.setUint16(at, 0xfd77);
      view.setUint32(at + 12, random(1000));
    }
  } else {
    view.setUint32(network, 0x4500_0000 | (end - network));
    view.setUint32(network + 8, (64 << 24) | (protocol << 16));
    view.setUint32(network + 12, 0x0a00_0000 | random(1000));
    view.setUint32(network + 16, 0xc0a8_0100 | random(250));
    view.setUint16(network + 10, internetChecksum(frame.subarray(network, transport)));
  }
  view.setUint16(transport, 1024 + random(60_000));
  view.setUint16(transport + 2, PORTS[random(PORTS.length)]!);
  if (udp) view.setUint16(transport + 4, UDP + payload);
  else view.setUint16(transport + 12, (5 << 12) | 0x10);
  return frame;
}
