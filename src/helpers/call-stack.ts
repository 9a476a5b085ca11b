import { BpfFuncId, BpfStackFlag, Errno } from "../uapi/index.ts";
import { hostHelper } from "./define.ts";
import type { Helper, HelperCall } from "./helper.ts";

const ADDRESS_SIZE = 8;

/** `struct bpf_stack_build_id`: a status, 20 bytes of build id, and an address or offset. */
const BuildId = { STATUS: 0, ADDRESS: 24, SIZE: 32 } as const;

/** `BPF_STACK_BUILD_ID_IP`: the address is in no file that has a build id. */
const ADDRESS_ONLY = 2;

/** sysctl `kernel.perf_event_max_stack` */
const MAX_DEPTH = 127;

const KNOWN = BpfStackFlag.SKIP_FIELD_MASK | BpfStackFlag.USER_STACK | BpfStackFlag.USER_BUILD_ID;

/** `bpf_get_stack`: what is not filled is zeros, and all of it where the call fails. */
function getStack(call: HelperCall, to: number, size: number, flags: number, flagsHigh: number): number {
  const [at, room] = [to >>> 0, size >>> 0];
  call.memory.bytes().fill(0, at, at + room);
  const user = (flags & BpfStackFlag.USER_STACK) !== 0;
  const buildIds = (flags & BpfStackFlag.USER_BUILD_ID) !== 0;
  if ((flags & ~KNOWN) !== 0 || flagsHigh !== 0 || (buildIds && !user)) return -Errno.EINVAL;
  const stride = buildIds ? BuildId.SIZE : ADDRESS_SIZE;
  if (room % stride !== 0) return -Errno.EINVAL;
  const skip = flags & BpfStackFlag.SKIP_FIELD_MASK;
  const depth = Math.min(room / stride + skip, MAX_DEPTH);
  const chain = (call.services.callChain?.(user) ?? []).slice(0, depth);
  if (chain.length < skip) return -Errno.EFAULT;
  const view = call.memory.view();
  chain.slice(skip).forEach((address, i) => {
    const place = at + i * stride;
    if (buildIds) view.setInt32(place + BuildId.STATUS, ADDRESS_ONLY, true);
    view.setBigUint64(place + (buildIds ? BuildId.ADDRESS : 0), address, true);
  });
  return (chain.length - skip) * stride;
}

/** The functions that led to where a program runs. */
export const STACK_HELPERS: readonly Helper[] = [
  hostHelper(
    BpfFuncId.get_stack,
    { args: ["ptr", "ptr", "i32", "i64"], result: "i32" },
    (call, _context, to, size, flags, flagsHigh) => getStack(call, to!, size!, flags!, flagsHigh!),
  ),
];
