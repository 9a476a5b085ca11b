import { decodeStruct, type StructValues } from "../../sys/index.ts";
import { Errno, PerfFormat, PerfSample, perfEventAttr } from "../../uapi/index.ts";
import { refuse } from "../refusal.ts";

/** `struct perf_event_attr` */
export type PerfAttr = StructValues<typeof perfEventAttr>;

/** `PERF_ATTR_SIZE_VER0` */
const OLDEST_SIZE = 64;
const LARGEST_SIZE = 4096;

/** sysctl `kernel.perf_event_max_sample_rate` */
const MOST_SAMPLES = 100_000n;

const ALL_SAMPLES = BigInt(Object.values(PerfSample).reduce((all, bit) => Math.max(all, bit), 0)) * 2n - 1n;
const ALL_FORMATS = BigInt(Object.values(PerfFormat).reduce((all, bit) => Math.max(all, bit), 0)) * 2n - 1n;

/** What a caller asks for (`perf_copy_attr`). E2BIG, and the size that this kernel knows in its place; EINVAL. */
export function readPerfAttr(bytes: Uint8Array): PerfAttr {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const told = bytes.length >= 8 ? view.getUint32(4, true) : refuse(Errno.EFAULT);
  const size = told === 0 ? OLDEST_SIZE : told;
  const tooBig = (): never => {
    view.setUint32(4, perfEventAttr.size, true);
    return refuse(Errno.E2BIG);
  };
  if (size < OLDEST_SIZE || size > LARGEST_SIZE) tooBig();
  if (bytes.length < size) refuse(Errno.EFAULT);
  if (bytes.subarray(perfEventAttr.size, size).some((byte) => byte !== 0)) tooBig();
  const attr = decodeStruct(perfEventAttr, bytes.subarray(0, Math.min(size, perfEventAttr.size)));
  checkReserved(attr);
  if ((attr.sampleType & ~ALL_SAMPLES) !== 0n || (attr.readFormat & ~ALL_FORMATS) !== 0n)
    refuse(Errno.EINVAL);
  return attr;
}

function checkReserved(attr: PerfAttr): void {
  if (attr.Reserved1 !== 0 || attr.Reserved2 !== 0 || attr.Reserved3 !== 0) refuse(Errno.EINVAL);
  if (attr.removeOnExec !== 0 && attr.enableOnExec !== 0) refuse(Errno.EINVAL);
  if (attr.sigtrap !== 0 && attr.removeOnExec === 0) refuse(Errno.EINVAL);
}

/** EINVAL for rates and periods that there cannot be (`perf_event_open`). */
export function checkPeriod(attr: PerfAttr): void {
  if (attr.freq !== 0) {
    if (attr.sampleFreq > MOST_SAMPLES) refuse(Errno.EINVAL);
  } else if (attr.samplePeriod >> 63n !== 0n) refuse(Errno.EINVAL);
}
