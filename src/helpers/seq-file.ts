import type { KernelLayout } from "../platform/index.ts";
import { BpfFuncId, Errno } from "../uapi/index.ts";
import { hostHelper } from "./define.ts";
import type { Helper, HelperCall } from "./helper.ts";
import { formatText } from "./printf/format.ts";
import { typeText } from "./snprintf-btf.ts";

/** `MAX_BPRINTF_VARARGS` */
const MOST_ARGUMENTS = 12;

/** What programs of iterators write to whoever reads them. */
export function seqFileHelpers(layout: KernelLayout): readonly Helper[] {
  const place = (member: string) => layout.find(`seq_file.${member}`)?.offset ?? 0;
  const [BUF, SIZE, COUNT] = [place("buf"), place("size"), place("count")];

  /** `seq_write`: a file that is full says so ever after. */
  const write = (call: HelperCall, file: number, bytes: Uint8Array): number => {
    const view = call.memory.view();
    const at = file >>> 0;
    const [buf, size, count] = [BUF, SIZE, COUNT].map((offset) => view.getUint32(at + offset, true)) as [
      number,
      number,
      number,
    ];
    if (count + bytes.length >= size) {
      view.setBigUint64(at + COUNT, BigInt(size), true);
      return -Errno.EOVERFLOW;
    }
    call.memory.bytes().set(bytes, buf + count);
    view.setBigUint64(at + COUNT, BigInt(count + bytes.length), true);
    return 0;
  };

  return [
    hostHelper(
      BpfFuncId.seq_printf_btf,
      { args: ["ptr", "ptr", "i32", "i64"], result: "i32" },
      (call: HelperCall, file: number, about: number, size: number, flags: number, high: number) => {
        const text = typeText(call, about, size, flags, high);
        if (typeof text === "number") return text;
        // Each part is written by itself; what does not fit is told by the file alone.
        write(call, file, text);
        return 0;
      },
    ),
    hostHelper(
      BpfFuncId.seq_write,
      { args: ["ptr", "ptr", "i32"], result: "i32" },
      (call: HelperCall, file: number, data: number, size: number) => {
        const from = data >>> 0;
        return write(call, file, call.memory.bytes().slice(from, from + (size >>> 0)));
      },
    ),
    hostHelper(
      BpfFuncId.seq_printf,
      { args: ["ptr", "ptr", "i32", "ptr", "i32"], result: "i32" },
      (call: HelperCall, file: number, format: number, size: number, data: number, length: number) => {
        if ((length & 7) !== 0 || length >>> 0 > MOST_ARGUMENTS * 8 || (length !== 0 && data === 0))
          return -Errno.EINVAL;
        const view = call.memory.view();
        const values = Array.from({ length: length / 4 }, (_, i) =>
          view.getInt32((data >>> 0) + 4 * i, true),
        );
        const pattern = call.memory.bytes().subarray(format >>> 0, (format >>> 0) + (size >>> 0));
        const text = formatText(call, pattern, values, values.length / 2);
        return typeof text === "number" ? text : write(call, file, text);
      },
    ),
  ];
}
