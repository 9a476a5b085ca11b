import type { Invocation } from "./command.ts";
import { CommandError } from "./failure.ts";
import { ALL_CAPABILITIES, type KernelRequest, type OpenKernel } from "./io.ts";

/** What the command line and `TSBPF_KERNEL` say of the kernel; `otherwise` where they say nothing. */
export function kernelRequest({ io, options }: Invocation, otherwise: string): KernelRequest {
  const chosen = options.value("kernel") ?? io.env["TSBPF_KERNEL"];
  const release = options.value("kernel-version");
  const rights = options.value("rights");
  return {
    kind: chosen === undefined || chosen === "" ? otherwise : chosen,
    btf: options.value("btf"),
    ...(release === undefined ? {} : { release }),
    ...(rights === undefined ? {} : { rights: rightsOf(rights) }),
  };
}

/** `all`, `none`, or names of capabilities with commas between: `cap_bpf,cap_net_admin`. */
function rightsOf(text: string): readonly string[] {
  if (text === "all") return ALL_CAPABILITIES;
  if (text === "none") return [];
  return text.split(",").map((word) => {
    const name = word.trim().toUpperCase().replace(/^CAP_/, "");
    if (ALL_CAPABILITIES.includes(name)) return name;
    const known = ALL_CAPABILITIES.map((each) => `cap_${each.toLowerCase()}`).join(", ");
    throw new CommandError(`--rights: expected all, none or some of ${known}, got '${word}'`);
  });
}

/** Calls with a kernel, and closes it whatever happens. */
export async function withKernel<T>(
  invocation: Invocation,
  otherwise: string,
  use: (kernel: OpenKernel, request: KernelRequest) => Promise<T>,
  more: Pick<KernelRequest, "execute" | "lenient" | "engine" | "hot"> = {},
): Promise<T> {
  const request = { ...kernelRequest(invocation, otherwise), ...more };
  const kernel = await invocation.io.openKernel(request);
  try {
    return await use(kernel, request);
  } finally {
    kernel.close();
  }
}
