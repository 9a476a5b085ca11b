import { Errno } from "../uapi/index.ts";
import { hostKfunc } from "./define.ts";
import type { ArgumentCheck, HelperCall, Kfunc, ValueKind } from "./helper.ts";
import type { PacketMetadata } from "./object-services.ts";

/** An operation of `struct xdp_metadata_ops`: EOPNOTSUPP where the driver has none, ENODATA where the packet has nothing. */
function operation<Name extends keyof PacketMetadata>(
  name: Name,
  sizes: readonly number[],
  give: (view: DataView, told: NonNullable<PacketMetadata[Name]>, ...to: number[]) => void,
): Kfunc {
  const outputs = sizes.map((bytes): ArgumentCheck => ({ kind: "fixedMemory", bytes, write: true }));
  const args: readonly ValueKind[] = ["ptr", ...sizes.map((): ValueKind => "ptr")];
  const call = ({ memory, services }: HelperCall, _context: number, ...to: number[]): number => {
    const told = services.packetMetadata?.()[name];
    if (told === undefined) return -Errno.EOPNOTSUPP;
    if (told === null) return -Errno.ENODATA;
    give(memory.view(), told, ...to.map((at) => at >>> 0));
    return 0;
  };
  const checks: readonly ArgumentCheck[] = [{ kind: "context" }, ...outputs];
  return hostKfunc(`bpf_xdp_metadata_rx_${FUNCTION[name]}`, { args, result: "u32", checks }, call);
}

const FUNCTION = { timestamp: "timestamp", hash: "hash", vlan: "vlan_tag" } as const;

/** What the device tells of a packet that it received: of programs that are bound to it. */
export const XDP_METADATA_KFUNCS: readonly Kfunc[] = [
  operation("timestamp", [8], (view, timestamp, to) => view.setBigUint64(to!, timestamp, true)),
  operation("hash", [4, 4], (view, { value, type }, to, toType) => {
    view.setUint32(to!, value, true);
    view.setUint32(toType!, type, true);
  }),
  operation("vlan", [2, 2], (view, { protocol, tag }, toProtocol, to) => {
    // The protocol as in the header, in network order.
    view.setUint16(toProtocol!, protocol);
    view.setUint16(to!, tag, true);
  }),
];
