import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { NotSupported } from "../base/index.ts";
import type { Btf } from "../btf/index.ts";
import type { KernelRelease } from "../platform/index.ts";
import { shippedTypes } from "./kernel-types.ts";
import { packageRoot } from "./package-root.ts";

export { type NodeExecutorsOptions, nodeExecutors } from "./executors.ts";
export { kernelTypes } from "./kernel-types.ts";

/**
 * All types of a release of Linux on x86-64, as they come with the package: what programs with CO-RE relocations, kernel
 * functions and BTF tracepoints need of an embedded kernel.
 *
 * ```ts
 * const kernel = new EmbeddedKernel({ btf: linuxTypes() });
 * ```
 *
 * @throws NotSupported where they were left out of the package.
 */
export function linuxTypes(release: KernelRelease = "6.18"): Btf {
  const types = shippedTypes(packageRoot(dirname(fileURLToPath(import.meta.url))), release);
  if (types === null)
    throw new NotSupported(`the types of Linux ${release}`, { why: "they are not in this package" });
  return types;
}
