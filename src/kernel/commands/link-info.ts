import { utf8 } from "../../base/index.ts";
import { decodeStruct } from "../../sys/index.ts";
import { bpfLinkInfo, Errno } from "../../uapi/index.ts";
import type { KernelLink, LinkInfoField } from "../links/link.ts";
import type { Process } from "../process.ts";
import { refuse } from "../refusal.ts";
import { writeText } from "./write-text.ts";

/** `bpf_link_get_info_by_fd` */
export function describeLink(
  process: Process,
  link: KernelLink,
  { request, showsAddresses }: { readonly request: Uint8Array; readonly showsAddresses: boolean },
) {
  const given = decodeStruct(bpfLinkInfo, request);
  const asked = (field: LinkInfoField) => given[field];
  const giveText = (at: LinkInfoField, room: LinkInfoField, text: string): number => {
    const [address, size] = [BigInt(asked(at)), Number(asked(room))];
    if ((size === 0) !== (address === 0n)) refuse(Errno.EINVAL);
    if (address !== 0n && writeText(process, address, size, text)) refuse(Errno.ENOSPC);
    return utf8(text).length + 1;
  };
  const write = (address: bigint, bytes: Uint8Array) => process.write(address, bytes);
  const own = link.info({ asked, giveText, write, showsAddresses });
  return definedOnly({ type: link.type, id: link.id, progId: link.program.id, ...own });
}

/** Fields that are told; absent ones keep what the caller had there. */
function definedOnly(fields: Readonly<Record<string, number | bigint | undefined>>) {
  const told = Object.entries(fields).filter(([, value]) => value !== undefined);
  return Object.fromEntries(told) as Record<string, number | bigint>;
}
