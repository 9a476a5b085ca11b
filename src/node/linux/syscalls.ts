import { NotSupported } from "../../base/index.ts";
import { SyscallArm64, SyscallX64 } from "../../uapi/index.ts";

/** Numbers of the system calls that the C library has no function for. */
export type SyscallNumbers = Pick<
  { readonly [Name in keyof typeof SyscallX64]: number },
  "bpf" | "perf_event_open"
>;

/** @param architecture as `process.arch`. @throws NotSupported for one whose numbers nobody has written down. */
export function syscallNumbers(architecture: string): SyscallNumbers {
  if (architecture === "x64") return SyscallX64;
  if (architecture === "arm64") return SyscallArm64;
  throw new NotSupported(`the live kernel of ${architecture}`, { why: "expected x64 or arm64" });
}
