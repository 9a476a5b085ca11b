import { cString } from "../../base/index.ts";
import { Errno } from "../../uapi/index.ts";
import { pointerAt, setPointer } from "../objects/pointer-word.ts";
import { INVALID, type OptionSocket } from "./option.ts";

/** `TCP_CA_NAME_MAX` */
const NAME_SIZE = 16;
const OPERATIONS = "inet_connection_sock.icsk_ca_ops";

/** Needs memory that only a program of its own gives it back; see `sol_tcp_sockopt_congestion`. */
const REFUSED = "cdg";

/** TCP_CONGESTION, set by name. ENOENT for one that is not there. */
export function setCongestion({ fields, layout, call }: OptionSocket, value: Uint8Array): number {
  if (value.length < 2) return INVALID;
  if (value.length >= REFUSED.length && cString(value) === REFUSED) return -Errno.ENOTSUPP;
  const name = cString(value.subarray(0, NAME_SIZE - 1));
  const wanted = call.services.sockets?.congestion(name) ?? 0;
  if (wanted === 0) return -Errno.ENOENT;
  setPointer(fields.view, fields.offset + layout.offset(OPERATIONS), wanted);
  fields.set("inet_connection_sock.icsk_ca_setsockopt", 1);
  return 0;
}

/** TCP_CONGESTION, copied out with a NUL at the end. @returns how much of the buffer is filled, or -EINVAL. */
export function getCongestion({ fields, layout, call }: OptionSocket, to: number, length: number): number {
  if (length < 2) return INVALID;
  const operations = pointerAt(fields.view, fields.offset + layout.offset(OPERATIONS));
  if (operations === 0) return INVALID;
  const copied = Math.min(length - 1, NAME_SIZE);
  const name = operations + layout.offset("tcp_congestion_ops.name");
  call.memory.bytes().copyWithin(to, name, name + copied);
  return copied;
}
