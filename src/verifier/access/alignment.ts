import { Errno } from "../../uapi/index.ts";
import type { Environment } from "../environment/environment.ts";
import { tnumText } from "../log/number-text.ts";
import { RegType } from "../state/reg-type.ts";
import type { Register } from "../state/register.ts";

/** `NET_IP_ALIGN`: network headers are aligned two bytes behind the start of the packet. */
const IP_ALIGN = 2;

/** The multiple of `size` that known bits and `fixed` together are for certain (`tnum_is_aligned` of their sum). */
function isAligned(reg: Register, fixed: number, size: number): boolean {
  if (size === 1) return true;
  const { valueLo, maskLo } = reg.bounds.tnum;
  return (((valueLo + fixed) | maskLo) & (size - 1)) === 0;
}

/** `check_pkt_ptr_alignment` */
function checkPktPtrAlignment(env: Environment, reg: Register, off: number, size: number): void {
  if (isAligned(reg, IP_ALIGN + reg.off + off, size)) return;
  const text = tnumText(reg.bounds.value, reg.bounds.mask);
  env.refuse(Errno.EACCES, `misaligned packet access off ${IP_ALIGN}+${text}+${reg.off}+${off} size ${size}`);
}

/** What the messages call a pointer; those that are not here have no name. */
const DESCRIPTIONS: ReadonlyMap<number, string> = new Map([
  [RegType.PTR_TO_FLOW_KEYS, "flow keys "],
  [RegType.PTR_TO_MAP_KEY, "key "],
  [RegType.PTR_TO_MAP_VALUE, "value "],
  [RegType.PTR_TO_CTX, "context "],
  [RegType.PTR_TO_STACK, "stack "],
  [RegType.PTR_TO_SOCKET, "sock "],
  [RegType.PTR_TO_SOCK_COMMON, "sock_common "],
  [RegType.PTR_TO_TCP_SOCK, "tcp_sock "],
  [RegType.PTR_TO_XDP_SOCK, "xdp_sock "],
]);

/**
 * Refuses an access that is not aligned to its size, where that matters: on the stack, or everywhere with strict
 * alignment (`check_ptr_alignment`). `off` is without the register's fixed offset.
 */
export function checkPtrAlignment(
  env: Environment,
  reg: Register,
  off: number,
  size: number,
  strictAlignmentOnce: boolean,
): void {
  const { type } = reg;
  // Spills are tracked by slots.
  const strict = type === RegType.PTR_TO_STACK || env.strictAlignment || strictAlignmentOnce;
  if (!strict || size === 1 || type === RegType.PTR_TO_ARENA) return;
  if (type === RegType.PTR_TO_PACKET || type === RegType.PTR_TO_PACKET_META) {
    checkPktPtrAlignment(env, reg, off, size);
    return;
  }
  if (isAligned(reg, reg.off + off, size)) return;
  const text = tnumText(reg.bounds.value, reg.bounds.mask);
  env.refuse(
    Errno.EACCES,
    `misaligned ${DESCRIPTIONS.get(type) ?? ""}access off ${text}+${reg.off}+${off} size ${size}`,
  );
}
