import { getSystemErrorMap } from "node:util";
import { FileError } from "../cli/index.ts";

/** Words of glibc where libuv has others. */
const GLIBC: Readonly<Record<string, string>> = {
  ENOENT: "No such file or directory",
  EACCES: "Permission denied",
  EPERM: "Operation not permitted",
  EISDIR: "Is a directory",
  ENOTDIR: "Not a directory",
  ENOSPC: "No space left on device",
  EIO: "Input/output error",
  EINVAL: "Invalid argument",
  EBADF: "Bad file descriptor",
  EROFS: "Read-only file system",
  ELOOP: "Too many levels of symbolic links",
  ENAMETOOLONG: "File name too long",
  EMFILE: "Too many open files",
  EFBIG: "File too large",
  ENXIO: "No such device or address",
};

/** What went wrong with a file, in the words of the operating system; anything but a system error as it is. */
export function fileError(error: unknown, path: string): unknown {
  const { code, errno } = error as NodeJS.ErrnoException;
  if (typeof code !== "string") return error;
  const number = typeof errno === "number" ? -errno : 0;
  const reason = GLIBC[code] ?? getSystemErrorMap().get(-number)?.[1] ?? (error as Error).message;
  return new FileError(path, code, number, reason);
}
