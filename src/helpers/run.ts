import { BpfFuncId, Errno } from "../uapi/index.ts";
import { hostHelper } from "./define.ts";
import type { Helper, HelperCall } from "./helper.ts";
import { wide, wideBits } from "./wide.ts";

const WORD = 8;

/** Where trampolines put the number of arguments: in front of them. */
const COUNT = -WORD;

function argumentCount(call: HelperCall, context: number): number {
  return call.memory.view().getUint32((context >>> 0) + COUNT, true);
}

/** Copies a word of the context to where the program wants it. */
function copyWord(call: HelperCall, context: number, index: number, to: number): number {
  const view = call.memory.view();
  view.setBigUint64(to >>> 0, view.getBigUint64((context >>> 0) + WORD * index, true), true);
  return 0;
}

/** What the run is part of: why the program runs, and what it has to say about that. */
export const RUN_HELPERS: readonly Helper[] = [
  hostHelper(BpfFuncId.get_attach_cookie, { args: ["ptr"], result: "i64" }, (call) =>
    wideBits(call, call.services.run?.().cookie ?? 0n),
  ),
  hostHelper(BpfFuncId.get_func_ip, { args: ["ptr"], result: "i64" }, (call) =>
    wideBits(call, call.services.run?.().ip ?? 0n),
  ),
  hostHelper(
    BpfFuncId.get_func_arg,
    { args: ["ptr", "i32", "ptr"], result: "i32" },
    (call: HelperCall, context: number, index: number, to: number) =>
      index >>> 0 >= argumentCount(call, context) ? -Errno.EINVAL : copyWord(call, context, index >>> 0, to),
  ),
  // The result has its place behind the arguments.
  hostHelper(
    BpfFuncId.get_func_ret,
    { args: ["ptr", "ptr"], result: "i32" },
    (call: HelperCall, context: number, to: number) =>
      call.services.run?.().hasResult === true
        ? copyWord(call, context, argumentCount(call, context), to)
        : -Errno.EOPNOTSUPP,
  ),
  hostHelper(
    BpfFuncId.get_func_arg_cnt,
    { args: ["ptr"], result: "i64" },
    (call: HelperCall, context: number) => wide(call, argumentCount(call, context)),
  ),
  hostHelper(
    BpfFuncId.override_return,
    { args: ["ptr", "i64"], result: "i32" },
    (call: HelperCall, _context: number, low: number, high: number) => {
      const run = call.services.run?.();
      if (run !== undefined) run.override = (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
      return 0;
    },
  ),
  hostHelper(BpfFuncId.get_retval, { args: [], result: "i32" }, (call) => call.services.run?.().retval ?? 0),
  hostHelper(BpfFuncId.set_retval, { args: ["i32"], result: "i32" }, (call: HelperCall, retval: number) => {
    const run = call.services.run?.();
    if (run !== undefined) run.retval = retval;
    return 0;
  }),
];
