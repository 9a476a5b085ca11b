import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { brotliDecompressSync } from "node:zlib";
import { FormatError } from "../base/index.ts";
import { Btf } from "../btf/index.ts";
import { openElf } from "../elf/index.ts";
import type { KernelRelease } from "../platform/index.ts";
import { fileError } from "./file-error.ts";

const shipped = (release: KernelRelease) => `assets/linux-${release}-x86_64.btf.br`;
const ELF_MAGIC = 0x7f454c46;

/** The types of a release that come with the package in a folder; null where they were left out of it. */
export function shippedTypes(root: string, release: KernelRelease): Btf | null {
  const path = join(root, shipped(release));
  if (!existsSync(path)) return null;
  const bytes = brotliDecompressSync(readFileSync(path));
  const what = shipped(release);
  return Btf.parse(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length), { what });
}

/** The types of a kernel: of a file of BTF, as in /sys/kernel/btf, or of a vmlinux. @throws FileError, FormatError. */
export function kernelTypes(path: string): Btf {
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
