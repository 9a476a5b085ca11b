export { runCommandLine } from "./dispatch.ts";
export { FileError, OutputClosed } from "./failure.ts";
export type { ByteSource, CliIo, KernelChoice, KernelRequest, OpenKernel, Output } from "./io.ts";
