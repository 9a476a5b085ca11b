import { existsSync } from "node:fs";
import type { OpenKernel } from "../../cli/index.ts";
import { BpfCommands } from "../../sys/index.ts";
import { kernelTypes } from "../kernel-types.ts";
import { openLibc } from "./libc.ts";
import { LinuxPort } from "./port.ts";

const VMLINUX = "/sys/kernel/btf/vmlinux";

/** The kernel that this process runs on. What it refuses, and why, its calls say. @throws NotSupported */
export async function openLinux(): Promise<OpenKernel> {
  const port = new LinuxPort(await openLibc());
  return {
    sys: new BpfCommands(port),
    fault: () => null,
    isRefused: () => false,
    // It is the whole machine's: who reads it takes lines away from others.
    tracePipe: () => "",
    targetBtf: () => (existsSync(VMLINUX) ? kernelTypes(VMLINUX) : null),
    close: () => port.closeRings(),
  };
}
