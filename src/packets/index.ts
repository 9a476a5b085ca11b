export { formatIpv4, formatIpv6, formatMac } from "./addresses.ts";
export { CaptureReader, packetsOf } from "./capture-reader.ts";
export {
  type ChecksumVerdict,
  internetChecksum,
  ipv4HeaderChecksum,
  onesComplementSum,
  transportChecksum,
  verifyIpv4Header,
  verifyTransport,
} from "./checksum.ts";
export { ArpView, EthernetView } from "./ethernet.ts";
export { type CaptureFormat, captureFormat } from "./format.ts";
export { IP_PROTOCOL, Ipv4View, Ipv6View } from "./ip.ts";
export { type Layers, layersOf } from "./layers.ts";
export { ETHERTYPE, isKnownLinktype, type NetworkStart, networkStart } from "./link-layer.ts";
export { LINKTYPE, linktypeName, maxCapturedLength } from "./linktypes.ts";
export { CapturedPacket, type CaptureInterface, type PacketRecord } from "./packet.ts";
export { PacketBatch, PLACE_WORDS } from "./packet-batch.ts";
export { type PcapOptions, PcapWriter } from "./pcap-writer.ts";
export { type PcapngInterfaceOptions, PcapngWriter } from "./pcapng-writer.ts";
export { IcmpView, TCP_FLAG, TcpView, UdpView } from "./transport.ts";
