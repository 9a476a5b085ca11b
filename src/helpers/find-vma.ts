import { u64 } from "../base/index.ts";
import { BpfFuncId, Errno } from "../uapi/index.ts";
import { hostHelper } from "./define.ts";
import type { Helper, HelperCall } from "./helper.ts";

/** `bpf_find_vma`: calls back with the area that an address is in. Nobody else holds the lock of an address space. */
function findVma(call: HelperCall, ...args: number[]): number {
  const [task, low, high, callback, context, flags, flagsHigh] = args as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  if (flags !== 0 || flagsHigh !== 0) return -Errno.EINVAL;
  const areas = task === 0 ? null : (call.services.tasks?.areas(task >>> 0) ?? null);
  const address = u64(low, high);
  const area = areas?.find(({ start, end }) => start <= address && address < end);
  if (area === undefined) return -Errno.ENOENT;
  call.callBack(callback, task >>> 0, area.offset, context >>> 0);
  return 0;
}

export const VMA_HELPERS: readonly Helper[] = [
  hostHelper(BpfFuncId.find_vma, { args: ["ptr", "i64", "i32", "ptr", "i64"], result: "i32" }, findVma),
];
