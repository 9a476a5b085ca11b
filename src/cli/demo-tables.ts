import { decodeValue } from "../btf/index.ts";
import { IP_PROTOCOL } from "../packets/index.ts";
import type { BpfCommands } from "../sys/index.ts";
import { addressText, countText, mapTable, quantityText, tableText } from "../user/index.ts";
import { kernelBtfById } from "./kernel-btf.ts";
import type { LoadedFile } from "./load-file.ts";
import { mapEntries } from "./map-entries.ts";
import type { Style } from "./style.ts";

/** `enum protocol` of examples/flow/flow.bpf.c: compilers drop an enum that only constants use. */
const PROTOCOLS = ["other", "ARP", "ICMP", "ICMPv6", "TCP", "UDP"] as const;
const TCP_FLAGS = ["FIN", "SYN", "RST", "PSH", "ACK"] as const;
const INDENT = 3;

interface FlowKey {
  readonly saddr: readonly number[];
  readonly daddr: readonly number[];
  readonly sport: number;
  readonly dport: number;
  readonly vlan: number;
  readonly family: number;
  readonly proto: number;
}

interface FlowValue {
  readonly packets: bigint;
  readonly bytes: bigint;
  readonly tcp_flags: number;
  readonly dropped: number;
}

/** The map `protocols`: packets and bytes by protocol, of all CPUs. */
export function protocolTable(sys: BpfCommands, loaded: LoadedFile, style: Style): string {
  const { fd, info, btf } = mapOf(sys, loaded, "protocols");
  const stride = (info.valueSize + 7) & ~7;
  const entries = [...mapEntries(sys, fd, info)].map(({ key, value }) => ({
    key,
    values: Array.from({ length: value!.length / stride }, (_, cpu) =>
      value!.subarray(cpu * stride, cpu * stride + info.valueSize),
    ),
  }));
  const { rows } = mapTable({ btf, keyType: info.btfKeyTypeId, valueType: info.btfValueTypeId }, entries, {
    hideZeros: true,
    largestFirst: true,
  });
  const cells = rows.map(([key, packets, bytes]) => [
    PROTOCOLS[Number(key)] ?? key!,
    countText(BigInt(packets!)),
    countText(BigInt(bytes!)),
  ]);
  const columns = [
    { name: "protocol", right: false },
    { name: "packets", right: true },
    { name: "bytes", right: true },
  ];
  return tableText(columns, cells, { width: style.width, indent: INDENT, heading: style.dim }).text;
}

/** The largest entries of the map `flows`. */
export function flowTable(sys: BpfCommands, loaded: LoadedFile, count: number, style: Style): string {
  const { fd, info, btf } = mapOf(sys, loaded, "flows");
  const flows = [...mapEntries(sys, fd, info)]
    .filter(({ value }) => value !== null)
    .map(({ key, value }) => ({
      key: decodeValue(btf, info.btfKeyTypeId, key) as unknown as FlowKey,
      flow: decodeValue(btf, info.btfValueTypeId, value!) as unknown as FlowValue,
    }))
    .sort(
      (one, other) =>
        Number(other.flow.bytes - one.flow.bytes) || compare(nameOf(one.key), nameOf(other.key)),
    );
  const largest = flows.slice(0, count);
  const dropped = flows.filter(({ flow }) => flow.dropped > 0).slice(0, 2);
  const shown = [...largest, ...dropped.filter((each) => !largest.includes(each))];
  const rows = shown.map(({ key, flow }) => [
    protocolName(key.proto),
    endpoint(key.saddr, key.sport),
    endpoint(key.daddr, key.dport),
    countText(flow.packets),
    countText(flow.bytes),
    key.vlan === 0 ? "-" : String(key.vlan),
    flow.dropped > 0 ? `${flagsText(flow.tcp_flags)} dropped` : flagsText(flow.tcp_flags),
  ]);
  const columns = [
    { name: "flow", right: false },
    { name: "from", right: false },
    { name: "to", right: false },
    { name: "packets", right: true },
    { name: "bytes", right: true },
    { name: "vlan", right: true },
    { name: "flags", right: false },
  ];
  const { text } = tableText(columns, rows, { width: style.width, indent: INDENT, heading: style.dim });
  const rest = flows.length - shown.length;
  return rest === 0 ? text : `${text}   ${style.dim(`… ${quantityText(rest, "more flow")}`)}\n`;
}

function mapOf(sys: BpfCommands, { maps }: LoadedFile, name: string) {
  const { fd, info } = maps.find((map) => map.name === name)!;
  return { fd, info, btf: kernelBtfById(sys, info.btfId)! };
}

function protocolName(proto: number): string {
  const found = Object.entries(IP_PROTOCOL).find(([, value]) => value === proto);
  return found === undefined ? String(proto) : found[0] === "ICMPV6" ? "ICMPv6" : found[0];
}

function endpoint(address: readonly number[], port: number): string {
  const text = addressText(Uint8Array.from(address));
  if (port === 0) return text;
  return text.includes(":") ? `[${text}]:${port}` : `${text}:${port}`;
}

/** Flows of equal size stand in the order of their ends: a hash table has none. */
function nameOf(key: FlowKey): string {
  return `${endpoint(key.saddr, key.sport)} ${endpoint(key.daddr, key.dport)}`;
}

function compare(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}

/** The first letters of the flags seen: `SPA`. */
function flagsText(flags: number): string {
  const letters = TCP_FLAGS.filter((_, bit) => (flags & (1 << bit)) !== 0).map((name) => name[0]);
  return letters.join("") || "-";
}
