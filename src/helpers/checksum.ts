import { BpfFuncId } from "../uapi/index.ts";
import { hostHelper } from "./define.ts";
import type { Helper, HelperCall } from "./helper.ts";
import { sumBytes, sumFold, sumSub } from "./internet-checksum.ts";

/** `bpf_csum_diff` as Linux has it since 6.13: any sizes, and a result folded to 16 bits. */
function csumDiff(
  call: HelperCall,
  from: number,
  fromSize: number,
  to: number,
  toSize: number,
  seed: number,
): number {
  const view = call.memory.view();
  let sum = seed >>> 0;
  if (fromSize !== 0 && toSize !== 0) {
    sum = sumSub(sumBytes(view, to >>> 0, toSize >>> 0, sum), sumBytes(view, from >>> 0, fromSize >>> 0, 0));
  } else if (toSize !== 0) {
    sum = sumBytes(view, to >>> 0, toSize >>> 0, sum);
  } else if (fromSize !== 0) {
    sum = ~sumBytes(view, from >>> 0, fromSize >>> 0, ~sum);
  }
  return sumFold(sum);
}

export const CHECKSUM_HELPERS: readonly Helper[] = [
  hostHelper(BpfFuncId.csum_diff, { args: ["ptr", "i32", "ptr", "i32", "i32"], result: "i32" }, csumDiff),
];
