import { BpfFibLookupFlag, BpfFuncId, Errno } from "../uapi/index.ts";
import { hostHelper } from "./define.ts";
import type { Helper, HelperCall } from "./helper.ts";

/** Members of `struct bpf_fib_lookup` that decide, and its size. */
const FAMILY = 0;
const IFINDEX = 8;
const SOURCE = 16;
const DESTINATION = 32;
const SIZE = 64;

const AF_INET = 2;
const AF_INET6 = 10;

/** `BPF_FIB_LKUP_RET_*` */
const Answer = { NOT_FORWARDED: 4, FORWARDING_DISABLED: 5 } as const;

/** `BPF_FIB_LOOKUP_MASK` */
const KNOWN = Object.values(BpfFibLookupFlag).reduce((all, flag) => all | flag, 0);

/** The only device, unless the kernel says otherwise. */
const LOOPBACK = 1;

/**
 * `bpf_fib_lookup`: no device of this kernel forwards, as none does where nobody has set `forwarding`, so that no look-up
 * gets as far as the routes.
 */
function lookUp(call: HelperCall, params: number, size: number, flags: number): number {
  if (size < SIZE || (flags & ~KNOWN) !== 0) return -Errno.EINVAL;
  const at = params >>> 0;
  const view = call.memory.view();
  const family = view.getUint8(at + FAMILY);
  if (family !== AF_INET && family !== AF_INET6) return -Errno.EAFNOSUPPORT;
  if (family === AF_INET6 && (staysOnLink(view, at + DESTINATION) || staysOnLink(view, at + SOURCE))) {
    return Answer.NOT_FORWARDED;
  }
  const index = view.getInt32(at + IFINDEX, true);
  const exists = call.services.hasDevice?.(index) ?? index === LOOPBACK;
  return exists ? Answer.FORWARDING_DISABLED : -Errno.ENODEV;
}

/** `rt6_need_strict`: a multicast, link-local or loopback address. */
function staysOnLink(view: DataView, at: number): boolean {
  const first = view.getUint16(at);
  if (first >> 8 === 0xff || (first & 0xffc0) === 0xfe80) return true;
  const rest = [0, 4, 8].every((word) => view.getUint32(at + word) === 0);
  return rest && view.getUint32(at + 12) === 1;
}

export const FIB_HELPERS: readonly Helper[] = [
  hostHelper(
    BpfFuncId.fib_lookup,
    { args: ["ptr", "ptr", "i32", "i32"], result: "i32" },
    (call, _context, params, size, flags) => lookUp(call, params!, size!, flags!),
  ),
];
