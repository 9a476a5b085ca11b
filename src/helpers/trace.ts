import { FIRST_OFFSET } from "../mem/index.ts";
import { BpfFuncId, Errno } from "../uapi/index.ts";
import { hostHelper } from "./define.ts";
import type { Helper, HelperCall } from "./helper.ts";
import { formatText } from "./printf/format.ts";

/** `MAX_TRACE_PRINTK_VARARGS`, `MAX_BPRINTF_VARARGS` */
const TRACE_ARGUMENTS = 3;
const MOST_ARGUMENTS = 12;

/** `MAX_BPRINTF_BUF`: bytes of a line with its NUL. */
const LINE = 1024;

/** Writes one line to the trace; the length is that of the whole text, as `bstr_printf` gives it. */
function trace(call: HelperCall, format: Uint8Array, args: readonly number[], limit: number): number {
  const text = formatText(call, format, args, limit, LINE);
  if (typeof text === "number") return text;
  call.services.trace(text.subarray(0, LINE - 1));
  return text.length;
}

/** `bpf_trace_printk` */
function tracePrintk(call: HelperCall, format: number, size: number, ...rest: number[]): number {
  return trace(call, bytesAt(call, format, size), rest, TRACE_ARGUMENTS);
}

/** `bpf_trace_vprintk` */
function traceVprintk(call: HelperCall, format: number, size: number, data: number, length: number): number {
  const values = argumentsAt(call, data, length);
  if (values === null) return -Errno.EINVAL;
  return trace(call, bytesAt(call, format, size), values, values.length / 2);
}

/** `bpf_snprintf`: the length counts the NUL. */
function snprintf(
  call: HelperCall,
  to: number,
  size: number,
  format: number,
  data: number,
  length: number,
): number {
  const values = argumentsAt(call, data, length);
  if (values === null) return -Errno.EINVAL;
  // ARG_PTR_TO_CONST_STR: the verifier saw the NUL.
  const text = formatText(call, bytesAt(call, format, 0x7fff_ffff), values, values.length / 2, size >>> 0);
  if (typeof text === "number") return text;
  if (size !== 0) {
    const written = text.subarray(0, (size >>> 0) - 1);
    const bytes = call.memory.bytes();
    bytes.set(written, to >>> 0);
    bytes[(to >>> 0) + written.length] = 0;
  }
  return text.length + 1;
}

/** The bytes from an offset on, as far as there is memory. */
function bytesAt(call: HelperCall, at: number, length: number): Uint8Array {
  const start = at >>> 0;
  if (start < FIRST_OFFSET) return new Uint8Array(0);
  return call.memory.bytes().subarray(start, start + (length >>> 0));
}

/** An array of 64-bit arguments as halves; null where its size is none of an array. */
function argumentsAt(call: HelperCall, data: number, length: number): number[] | null {
  if ((length & 7) !== 0 || length >>> 0 > MOST_ARGUMENTS * 8 || (length !== 0 && data === 0)) return null;
  const view = call.memory.view();
  return Array.from({ length: length / 4 }, (_, i) => view.getInt32((data >>> 0) + 4 * i, true));
}

export const TRACE_HELPERS: readonly Helper[] = [
  hostHelper(
    BpfFuncId.trace_printk,
    { args: ["ptr", "i32", "i64", "i64", "i64"], result: "i32" },
    tracePrintk,
  ),
  hostHelper(BpfFuncId.trace_vprintk, { args: ["ptr", "i32", "ptr", "i32"], result: "i32" }, traceVprintk),
  hostHelper(BpfFuncId.snprintf, { args: ["ptr", "i32", "ptr", "ptr", "i32"], result: "i32" }, snprintf),
];
