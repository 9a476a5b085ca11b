import { Errno } from "../uapi/index.ts";
import { hostKfunc } from "./define.ts";
import type { Kfunc } from "./helper.ts";
import { formatText } from "./printf/format.ts";

/** `MAX_BPRINTF_VARARGS` */
const MOST_ARGUMENTS = 12;

/** `MAX_BPRINTF_BUF`, less the NUL. */
const LINE = 1023;

/** `BPF_STDOUT`, `BPF_STDERR` */
const OUTPUT = 1;
const ERRORS = 2;

/** Text that a program leaves for whoever reads its streams. */
export const STREAM_KFUNCS: readonly Kfunc[] = [
  hostKfunc(
    "bpf_stream_vprintk_impl",
    {
      args: ["i32", "ptr", "ptr", "i32", "ptr"],
      result: "u32",
      checks: [{ kind: "anything" }, { kind: "anything" }, { kind: "memory", size: 4, nullable: true }],
      here: "After a tail call it writes to the program that was entered; functions that run later have no stream (ENOENT).",
    },
    (call, stream, format, data, length) => {
      if (stream !== OUTPUT && stream !== ERRORS) return -Errno.ENOENT;
      const size = length! >>> 0;
      if ((size & 7) !== 0 || size > MOST_ARGUMENTS * 8 || (size !== 0 && data === 0)) return -Errno.EINVAL;
      const view = call.memory.view();
      const values = Array.from({ length: size / 4 }, (_, i) => view.getInt32((data! >>> 0) + 4 * i, true));
      const text = formatText(call, call.memory.bytes().subarray(format! >>> 0), values, values.length / 2);
      if (typeof text === "number") return text;
      return call.services.stream?.(stream, text.subarray(0, LINE)) ?? -Errno.ENOENT;
    },
  ),
];
