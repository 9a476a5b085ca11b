import { BpfFuncId } from "../uapi/index.ts";
import { emittedHelper, hostHelper } from "./define.ts";
import type { Helper } from "./helper.ts";
import { wide, wideBits } from "./wide.ts";

/** `HZ` of Debian's and most kernels' x86-64 configuration. */
export const TICKS_PER_SECOND = 250;

/** `INITIAL_JIFFIES`: five minutes before the low 32 bits wrap; get_jiffies_64 shows it as it is. */
const INITIAL_JIFFIES = 0x1_0000_0000 - 300 * TICKS_PER_SECOND;

const NONE = { args: [], result: "i64" } as const;

/** Time, randomness and the CPU: what the services of the kernel say. */
export const SYSTEM_HELPERS: readonly Helper[] = [
  hostHelper(BpfFuncId.ktime_get_ns, NONE, (call) => wide(call, call.services.monotonic())),
  hostHelper(BpfFuncId.ktime_get_boot_ns, NONE, (call) => wide(call, call.services.boottime())),
  hostHelper(BpfFuncId.ktime_get_tai_ns, NONE, (call) =>
    wideBits(call, call.services.atomicTime?.() ?? BigInt(call.services.monotonic())),
  ),
  // As of the last tick.
  hostHelper(BpfFuncId.ktime_get_coarse_ns, NONE, (call) => {
    const tick = 1e9 / TICKS_PER_SECOND;
    return wide(call, Math.floor(call.services.monotonic() / tick) * tick);
  }),
  hostHelper(BpfFuncId.jiffies64, NONE, (call) => {
    const ticks = Math.floor(call.services.monotonic() / (1e9 / TICKS_PER_SECOND));
    return wide(call, INITIAL_JIFFIES + ticks);
  }),
  hostHelper(BpfFuncId.get_prandom_u32, { args: [], result: "u32" }, (call) => call.services.random() | 0),
  emittedHelper(BpfFuncId.get_smp_processor_id, { args: [], result: "u32" }, (f, environment) =>
    environment.cpu(f),
  ),
  // One memory node, number 0.
  emittedHelper(BpfFuncId.get_numa_node_id, { args: [], result: "u32" }, (f) => f.i32.const(0)),
];
