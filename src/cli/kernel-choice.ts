import type { Invocation } from "./command.ts";
import type { KernelRequest, OpenKernel } from "./io.ts";

/** What the command line and `TSBPF_KERNEL` say of the kernel; `otherwise` where they say nothing. */
function kernelRequest({ io, options }: Invocation, otherwise: string): KernelRequest {
  const chosen = options.value("kernel") ?? io.env["TSBPF_KERNEL"];
  return { kind: chosen === undefined || chosen === "" ? otherwise : chosen, btf: options.value("btf") };
}

/** Calls with a kernel, and closes it whatever happens. */
export async function withKernel<T>(
  invocation: Invocation,
  otherwise: string,
  use: (kernel: OpenKernel, request: KernelRequest) => Promise<T>,
  more: Pick<KernelRequest, "execute" | "lenient"> = {},
): Promise<T> {
  const request = { ...kernelRequest(invocation, otherwise), ...more };
  const kernel = await invocation.io.openKernel(request);
  try {
    return await use(kernel, request);
  } finally {
    kernel.close();
  }
}
