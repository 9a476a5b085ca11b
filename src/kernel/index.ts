export { BPFFS_ROOT } from "./bpffs.ts";
export { EmbeddedKernel, KernelProcess } from "./embedded-kernel.ts";
export type { KernelOptions } from "./options.ts";
export type { Capability, ProcessOptions } from "./process.ts";
