import { NotSupported } from "../base/index.ts";
import type { KernelRequest, OpenKernel } from "../cli/index.ts";

/** Opens the kernel that a command line names. */
export async function openKernel(request: KernelRequest): Promise<OpenKernel> {
  if (request.kind === "embedded") {
    const { openEmbedded } = await import("./embedded.ts");
    return await openEmbedded(request);
  }
  if (request.kind === "linux") {
    const { openLinux } = await import("./linux/open.ts");
    return await openLinux();
  }
  throw new NotSupported(`a kernel behind a socket (${request.kind})`, {
    why: "this version of tsbpf has the embedded one and the live one: use --kernel embedded or --kernel linux",
  });
}
