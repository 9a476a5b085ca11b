import { FormatError, messageOf, TsbpfError } from "../base/index.ts";
import { Btf } from "../btf/index.ts";
import { Errno } from "../uapi/index.ts";
import { CommandError, FileError } from "./failure.ts";
import type { CliIo } from "./io.ts";

/** Where Linux shows its types and those of its modules. */
export const SYSFS_BTF = "/sys/kernel/btf/";
export const SYSFS_VMLINUX = `${SYSFS_BTF}vmlinux`;

const ELF_MAGIC = 0x7f454c46;
/** libbpf's LIBBPF_ERRNO__FORMAT, which bpftool's exit status is made of. */
const LIBBPF_ERRNO_FORMAT = 4001;

/** What bpftool exits with after an error number: the low byte of its negative. */
export function statusOf(errno: number): number {
  return -errno & 0xff;
}

/** Whether a file begins as an ELF object does. */
export function isElf(bytes: Uint8Array): boolean {
  return bytes.length >= 4 && new DataView(bytes.buffer, bytes.byteOffset).getUint32(0) === ELF_MAGIC;
}

/** `struct btf_header` up to its lengths: a file that begins so and is no BTF has no room for the rest. */
const BTF_HEADER = 24;

/** Whether a file begins as raw BTF does, in either byte order. */
export function isBtf(bytes: Uint8Array): boolean {
  return bytes.length >= BTF_HEADER && isBtfMagic(bytes) && bytes[2] === 1;
}

/**
 * The types in a file: raw BTF, or an object with a section `.BTF`.
 *
 * @throws CommandError with bpftool's words and status.
 */
export async function readBtfFile(io: CliIo, path: string, base?: Btf): Promise<Btf> {
  try {
    const bytes = await io.readFile(path);
    return await btfOfFile(bytes, path, base);
  } catch (error) {
    if (!(error instanceof TsbpfError) || error instanceof CommandError) throw error;
    if (error instanceof FileError) {
      const status = statusOf(error.errno);
      throw new CommandError(`failed to load BTF from ${path}: ${error.reason}`, { status, cause: error });
    }
    throw new CommandError(`failed to load BTF from ${path}: ${messageOf(error)}`, {
      status: statusOf(LIBBPF_ERRNO_FORMAT),
      cause: error,
    });
  }
}

async function btfOfFile(bytes: Uint8Array, path: string, base: Btf | undefined): Promise<Btf> {
  if (!isElf(bytes)) {
    if (bytes.length < 2 || !isBtfMagic(bytes)) {
      throw new FormatError("file", 0, "expected BTF or an ELF object, got neither");
    }
    return Btf.parse(bytes, base === undefined ? {} : { base });
  }
  const { openElf } = await import("../elf/index.ts");
  const elf = openElf(bytes);
  const section = elf.section(".BTF");
  if (section === undefined) {
    const message = `failed to load BTF from ${path}: it has no section .BTF`;
    throw new CommandError(message, { status: statusOf(Errno.ENODATA) });
  }
  // A module built for many kernels carries the types it refers to.
  const own = elf.section(".BTF.base");
  const distilled = own === undefined ? base : Btf.parse(elf.data(own), { what: ".BTF.base" });
  return Btf.parse(elf.data(section), {
    what: ".BTF",
    ...(distilled === undefined ? {} : { base: distilled }),
  });
}

function isBtfMagic(bytes: Uint8Array): boolean {
  return (bytes[0] === 0x9f && bytes[1] === 0xeb) || (bytes[0] === 0xeb && bytes[1] === 0x9f);
}
