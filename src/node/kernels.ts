import { NotSupported } from "../base/index.ts";
import type { KernelRequest, OpenKernel } from "../cli/index.ts";

/** Opens the kernel that a command line names. */
export async function openKernel(request: KernelRequest): Promise<OpenKernel> {
  if (request.kind === "embedded") {
    const { openEmbedded } = await import("./embedded.ts");
    return await openEmbedded(request);
  }
  const what =
    request.kind === "linux" ? "the live Linux kernel" : `a kernel behind a socket (${request.kind})`;
  throw new NotSupported(what, {
    why: "this version of tsbpf has only the embedded one: use --kernel embedded",
  });
}
