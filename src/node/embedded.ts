import { existsSync } from "node:fs";
import { release as machineRelease } from "node:os";
import { NotSupported, TsbpfError } from "../base/index.ts";
import type { Btf } from "../btf/index.ts";
import type { KernelRequest, OpenKernel } from "../cli/index.ts";
import { type Capability, EmbeddedKernel } from "../kernel/index.ts";
import { type KernelRelease, kernelRelease } from "../platform/index.ts";
import { kernelTypes, shippedTypes } from "./kernel-types.ts";
import { packageRoot } from "./package-root.ts";

const VMLINUX = "/sys/kernel/btf/vmlinux";

/**
 * A kernel of this process. Its structs are laid out by the BTF that was asked for; else by that of the machine, where
 * this shows one that will do; else as in Linux 6.18.
 */
export async function openEmbedded(request: KernelRequest): Promise<OpenKernel> {
  const release = kernelRelease(request.release ?? "6.18");
  if (release === null) throw new NotSupported(`an embedded kernel of Linux ${request.release}`);
  const { kernel, btf } = kernelWithTypes(request, release);
  const caller =
    request.rights === undefined ? kernel : kernel.process({ caps: request.rights as Capability[] });
  return {
    sys: caller,
    fault: () => kernel.lastFault?.message ?? null,
    isRefused: (fd) => kernel.isRefused(fd),
    tracePipe: () => kernel.readTracePipe(),
    targetBtf: () => btf,
    packetFeed: (fd) => caller.packetFeed(fd),
    testRun: (args, options) => caller.testRun(args, options),
    close: () => kernel.exit(),
  };
}

interface KernelWithTypes {
  readonly kernel: EmbeddedKernel;
  readonly btf: Btf | null;
}

function kernelWithTypes(request: KernelRequest, release: KernelRelease): KernelWithTypes {
  if (request.btf !== undefined) return kernelOfFile(request, request.btf);
  return release === "6.18" ? kernelOfMachine(request) : kernelOf(request, typesOf(release));
}

/** The types of another release: those of the machine where it is such a one, else those that come with the package. */
function typesOf(release: KernelRelease): Btf {
  if (machineRelease().startsWith(`${release}.`) && existsSync(VMLINUX)) return kernelTypes(VMLINUX);
  const types = shippedTypes(packageRoot(), release);
  if (types !== null) return types;
  throw new NotSupported(`Linux ${release}`, {
    why: "its types are not in this package: give them with --btf FILE",
  });
}

function kernelOf(
  { cpus, engine, execute, hot, lenient, release, rights }: KernelRequest,
  btf: Btf | null,
): KernelWithTypes {
  const kernel = new EmbeddedKernel({
    release: kernelRelease(release ?? "6.18")!,
    // Who asks what happens to a program without rights means a kernel that takes it.
    ...(rights === undefined ? {} : { unprivilegedBpfDisabled: 0 }),
    ...(btf === null ? {} : { btf }),
    ...(cpus === undefined ? {} : { cpus }),
    ...(engine === undefined ? {} : { engine }),
    ...(hot === true ? { jit: { after: 0 } } : {}),
    ...(execute === undefined ? {} : { execute }),
    ...(lenient === undefined ? {} : { lenient }),
  });
  return { kernel, btf };
}

/** Types made for an object alone (`gen min_core_btf`) answer its relocations, but lay out no kernel. */
function kernelOfFile(request: KernelRequest, path: string): KernelWithTypes {
  const btf = kernelTypes(path);
  try {
    return kernelOf(request, btf);
  } catch (error) {
    if (!(error instanceof TsbpfError)) throw error;
    return { ...kernelOf(request, null), btf };
  }
}

/** The machine's types may be unreadable, or those of a Linux that lacks a struct: nobody asked for them. */
function kernelOfMachine(request: KernelRequest): KernelWithTypes {
  try {
    return kernelOf(request, kernelTypes(VMLINUX));
  } catch (error) {
    if (!(error instanceof TsbpfError)) throw error;
    return kernelOf(request, shippedTypes(packageRoot(), "6.18"));
  }
}
