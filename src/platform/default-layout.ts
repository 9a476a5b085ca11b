import { bytesOfHex } from "../base/index.ts";
import { Btf } from "../btf/index.ts";
import { KERNEL_BTF } from "./generated/kernel-btf.ts";
import { KernelLayout } from "./kernel-layout.ts";

/** The layout of Linux 6.18 on x86-64, for kernels that are given no BTF. Parsed anew at each call: keep it. */
export function defaultLayout(): KernelLayout {
  return new KernelLayout(Btf.parse(bytesOfHex(KERNEL_BTF)!, { what: "default kernel BTF", pointerSize: 8 }));
}
