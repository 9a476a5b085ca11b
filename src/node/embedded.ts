import { readFileSync } from "node:fs";
import { Btf } from "../btf/index.ts";
import type { KernelRequest, OpenKernel } from "../cli/index.ts";
import { EmbeddedKernel } from "../kernel/index.ts";
import { fileError } from "./file-error.ts";

const VMLINUX = "/sys/kernel/btf/vmlinux";

/** A kernel of this process. Its structs are laid out by the BTF that was asked for; else by the machine's own. */
export async function openEmbedded(request: KernelRequest): Promise<OpenKernel> {
  const btf = request.btf === undefined ? undefined : kernelTypes(request.btf);
  const kernel = new EmbeddedKernel({
    ...(btf === undefined ? {} : { btf }),
    ...(request.cpus === undefined ? {} : { cpus: request.cpus }),
  });
  return {
    sys: kernel,
    fault: () => kernel.lastFault?.message ?? null,
    tracePipe: () => kernel.readTracePipe(),
    targetBtf: () => btf ?? machineTypes(),
    close: () => kernel.exit(),
  };
}

function kernelTypes(path: string): Btf {
  try {
    const bytes = readFileSync(path);
    return Btf.parse(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length), { what: path });
  } catch (error) {
    throw fileError(error, path);
  }
}

/** The types of the machine that this runs on, for CO-RE; null where it does not show them. */
function machineTypes(): Btf | null {
  try {
    return kernelTypes(VMLINUX);
  } catch {
    return null;
  }
}
