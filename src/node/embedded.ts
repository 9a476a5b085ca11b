import { existsSync, readFileSync } from "node:fs";
import { release as machineRelease } from "node:os";
import { join } from "node:path";
import { brotliDecompressSync } from "node:zlib";
import { FormatError, NotSupported, TsbpfError } from "../base/index.ts";
import { Btf } from "../btf/index.ts";
import type { KernelRequest, OpenKernel } from "../cli/index.ts";
import { openElf } from "../elf/index.ts";
import { type Capability, EmbeddedKernel } from "../kernel/index.ts";
import { type KernelRelease, kernelRelease } from "../platform/index.ts";
import { fileError } from "./file-error.ts";
import { packageRoot } from "./package-root.ts";

const VMLINUX = "/sys/kernel/btf/vmlinux";
const shipped = (release: KernelRelease) => `assets/linux-${release}-x86_64.btf.br`;
const ELF_MAGIC = 0x7f454c46;

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
  const types = shippedTypes(release);
  if (types !== null) return types;
  throw new NotSupported(`Linux ${release}`, {
    why: "its types are not in this package: give them with --btf FILE",
  });
}

function kernelOf(
  { cpus, execute, lenient, release, rights }: KernelRequest,
  btf: Btf | null,
): KernelWithTypes {
  const kernel = new EmbeddedKernel({
    release: kernelRelease(release ?? "6.18")!,
    // Who asks what happens to a program without rights means a kernel that takes it.
    ...(rights === undefined ? {} : { unprivilegedBpfDisabled: 0 }),
    ...(btf === null ? {} : { btf }),
    ...(cpus === undefined ? {} : { cpus }),
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
    return kernelOf(request, shippedTypes("6.18"));
  }
}

/** The types of a release that come with the package; null where they were left out of it. */
function shippedTypes(release: KernelRelease): Btf | null {
  const path = join(packageRoot(), shipped(release));
  if (!existsSync(path)) return null;
  const bytes = brotliDecompressSync(readFileSync(path));
  const what = shipped(release);
  return Btf.parse(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length), { what });
}

/** @throws FileError, FormatError. */
function kernelTypes(path: string): Btf {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    throw fileError(error, path);
  }
  const plain = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
  return Btf.parse(
    bytes.length >= 4 && bytes.readUInt32BE(0) === ELF_MAGIC ? sectionOf(plain, path) : plain,
    { what: path },
  );
}

/** A vmlinux with debugging information has its types in a section. */
function sectionOf(file: Uint8Array, path: string): Uint8Array {
  const elf = openElf(file);
  const section = elf.section(".BTF");
  if (section === undefined) throw new FormatError(path, 0, "expected a section .BTF, got none");
  return elf.data(section);
}
