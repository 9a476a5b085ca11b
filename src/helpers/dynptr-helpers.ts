import { BpfFuncId, Errno } from "../uapi/index.ts";
import { hostHelper } from "./define.ts";
import {
  clearDynptr,
  DYNPTR_MAX_SIZE,
  type DynptrData,
  DynptrType,
  dynptrAt,
  dynptrHas,
  putDynptr,
} from "./dynptr.ts";
import type { Helper, HelperCall } from "./helper.ts";

/** Makes and uses dynptrs. */
export function dynptrHelpers(contents: DynptrData): readonly Helper[] {
  /** `bpf_dynptr_from_mem` */
  const fromMemory = (
    call: HelperCall,
    data: number,
    size: number,
    flags: number,
    flagsHigh: number,
    at: number,
  ): number => {
    at >>>= 0;
    const problem = problemOf(size >>> 0, flags, flagsHigh);
    if (problem !== 0) clearDynptr(call, at);
    else
      putDynptr(call, at, {
        type: DynptrType.LOCAL,
        data: data >>> 0,
        size: size >>> 0,
        offset: 0,
        readOnly: false,
      });
    return problem;
  };

  /** `bpf_dynptr_read` */
  const read = (
    call: HelperCall,
    to: number,
    length: number,
    from: number,
    offset: number,
    flags: number,
    flagsHigh: number,
  ): number => {
    const dynptr = dynptrAt(call, from >>> 0);
    if (dynptr === null || flags !== 0 || flagsHigh !== 0) return -Errno.EINVAL;
    return contents.read(call, dynptr, offset >>> 0, to >>> 0, length >>> 0);
  };

  /** `bpf_dynptr_write` */
  const write = (
    call: HelperCall,
    to: number,
    offset: number,
    from: number,
    length: number,
    flags: number,
    flagsHigh: number,
  ): number => {
    const dynptr = dynptrAt(call, to >>> 0);
    if (dynptr === null) return -Errno.EINVAL;
    const source = { at: from >>> 0, length: length >>> 0 };
    return contents.write(call, dynptr, offset >>> 0, source, [flags, flagsHigh]);
  };

  /** `bpf_dynptr_data`: NULL for packets, whose bytes may lie in several pieces. */
  const data = (call: HelperCall, at: number, offset: number, length: number): number => {
    const dynptr = dynptrAt(call, at >>> 0);
    if (dynptr === null || dynptr.readOnly || !dynptrHas(dynptr, offset >>> 0, length >>> 0)) return 0;
    if (dynptr.type !== DynptrType.LOCAL && dynptr.type !== DynptrType.RINGBUF) return 0;
    return dynptr.data + dynptr.offset + (offset >>> 0);
  };

  return [
    hostHelper(BpfFuncId.dynptr_from_mem, { args: ["ptr", "i32", "i64", "ptr"], result: "i32" }, fromMemory),
    hostHelper(BpfFuncId.dynptr_read, { args: ["ptr", "i32", "ptr", "i32", "i64"], result: "i32" }, read),
    hostHelper(BpfFuncId.dynptr_write, { args: ["ptr", "i32", "ptr", "i32", "i64"], result: "i32" }, write),
    hostHelper(BpfFuncId.dynptr_data, { args: ["ptr", "i32", "i32"], result: "ptr" }, data),
  ];
}

function problemOf(size: number, flags: number, flagsHigh: number): number {
  if (size > DYNPTR_MAX_SIZE) return -Errno.E2BIG;
  return flags !== 0 || flagsHigh !== 0 ? -Errno.EINVAL : 0;
}
