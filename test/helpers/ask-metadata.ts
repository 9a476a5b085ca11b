import { type Btf, BtfKind } from "../../src/btf/index.ts";

/** Where {@link askMetadata} lets its functions write: bytes below the end of the stack. */
export const Slot = { TIMESTAMP: 16, HASH: 24, HASH_TYPE: 32, PROTOCOL: 40, TAG: 48 } as const;

/** Calls all that tells something of a received packet, whose context is in r6; `leave` keeps r7, what a call gave. */
export function askMetadata(types: Btf, leave: (index: number) => string): string {
  const call = (name: string) =>
    `call kfunc(${types.findByName(`bpf_xdp_metadata_rx_${name}`, BtfKind.FUNC)})\nr7 = r0`;
  return `
    r1 = r6
    r2 = r10
    r2 += -${Slot.TIMESTAMP}
    ${call("timestamp")}
    ${leave(0)}
    r1 = r6
    r2 = r10
    r2 += -${Slot.HASH}
    r3 = r10
    r3 += -${Slot.HASH_TYPE}
    ${call("hash")}
    ${leave(1)}
    r1 = r6
    r2 = r10
    r2 += -${Slot.PROTOCOL}
    r3 = r10
    r3 += -${Slot.TAG}
    ${call("vlan_tag")}
    ${leave(2)}`;
}
