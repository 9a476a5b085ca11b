import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { brotliDecompressSync } from "node:zlib";
import { FormatError, TsbpfError } from "../base/index.ts";
import { Btf } from "../btf/index.ts";
import type { KernelRequest, OpenKernel } from "../cli/index.ts";
import { openElf } from "../elf/index.ts";
import { EmbeddedKernel } from "../kernel/index.ts";
import { fileError } from "./file-error.ts";
import { packageRoot } from "./package-root.ts";

const VMLINUX = "/sys/kernel/btf/vmlinux";
const SHIPPED = "assets/linux-6.18-x86_64.btf.br";
const ELF_MAGIC = 0x7f454c46;

/**
 * A kernel of this process. Its structs are laid out by the BTF that was asked for; else by that of the machine, where
 * this shows one that will do; else as in Linux 6.18.
 */
export async function openEmbedded(request: KernelRequest): Promise<OpenKernel> {
  const { kernel, btf } =
    request.btf === undefined ? kernelOfMachine(request) : kernelOfFile(request, request.btf);
  return {
    sys: kernel,
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

function kernelOf({ cpus, execute, lenient }: KernelRequest, btf: Btf | null): KernelWithTypes {
  const kernel = new EmbeddedKernel({
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
    return kernelOf(request, shippedTypes());
  }
}

/** The types of Linux 6.18 that come with the package; null where they were left out of it. */
function shippedTypes(): Btf | null {
  const path = join(packageRoot(), SHIPPED);
  if (!existsSync(path)) return null;
  const bytes = brotliDecompressSync(readFileSync(path));
  return Btf.parse(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length), { what: SHIPPED });
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
