// Makes the small pcapng file beside a capture: the first packet of each kind (service, direction, TCP flags, ICMP type, …), at most 60,
// on two interfaces (untagged and tagged frames).
//
//   node gen/capture/pcapng.mjs INPUT.pcap OUTPUT.pcapng
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const LIMIT = 60;
const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const bundle = await build({
  entryPoints: [join(root, "src/packets/index.ts")],
  bundle: true,
  format: "esm",
  write: false,
});
const { layersOf, packetsOf, PcapngWriter, LINKTYPE } = await import(
  `data:text/javascript;base64,${Buffer.from(bundle.outputFiles[0].contents).toString("base64")}`
);

const [input, output] = process.argv.slice(2);
const writer = new PcapngWriter();
writer.addInterface({ linktype: LINKTYPE.ETHERNET, snaplen: 128, name: "s0" });
writer.addInterface({ linktype: LINKTYPE.ETHERNET, snaplen: 128, name: "s0 tagged" });
const seen = new Set();
for (const packet of packetsOf(readFileSync(input))) {
  const { network, transport, vlans, ethertype } = layersOf(packet.data, packet.linktype);
  // The lower port is the service: clients of one service count as one.
  const ports =
    transport && "sourcePort" in transport
      ? [Math.min(transport.sourcePort, transport.destinationPort), transport.flags ?? ""]
      : [transport?.type];
  const ends =
    network && "source" in network
      ? [network.source, network.destination, network.protocol]
      : [network?.operation];
  const key = [ethertype, vlans, ends, ports].join(" ");
  if (seen.size >= LIMIT || seen.has(key)) continue;
  seen.add(key);
  writer.write(packet, vlans.length > 0 ? 1 : 0);
}
writeFileSync(output, writer.take());
console.log(`${output}: ${seen.size} packets`);
