import { Errno } from "../uapi/index.ts";
import type { KernelObject } from "./objects/kernel-object.ts";
import { refuse } from "./refusal.ts";

/** What a descriptor refers to: an object, how it was opened, and how many descriptors share this opening. */
export interface OpenFile {
  readonly object: KernelObject;
  /** `BPF_F_RDONLY` and `BPF_F_WRONLY` openings lack one of them. */
  readonly readable: boolean;
  readonly writable: boolean;
  /** Whoever opened it may see addresses of the kernel (`kallsyms_show_value` of `file->f_cred`). */
  readonly showsAddresses: boolean;
}

/** 0, 1 and 2 are the standard streams. */
const FIRST_FD = 3;

/**
 * The descriptors of one process that refer to objects of the kernel. The lowest free number is given, as POSIX asks;
 * the standard streams are open, and no object of the kernel.
 */
export class FdTable {
  readonly #files = new Map<number, OpenFile>();
  readonly #limit: number;
  readonly #showsAddresses: boolean;
  #lowest = FIRST_FD;

  /** @param showsAddresses of all that is opened through this table. */
  constructor(limit: number, showsAddresses: boolean) {
    this.#limit = limit;
    this.#showsAddresses = showsAddresses;
  }

  /** Installs an object whose reference, one of a user, the descriptor takes over. EMFILE where the limit is reached. */
  install(
    object: KernelObject,
    access: Pick<OpenFile, "readable" | "writable"> & Partial<OpenFile> = { readable: true, writable: true },
  ): number {
    let fd = this.#lowest;
    while (this.#files.has(fd)) fd++;
    if (fd >= this.#limit) {
      object.putUser();
      refuse(Errno.EMFILE);
    }
    this.#files.set(fd, { showsAddresses: this.#showsAddresses, ...access, object });
    this.#lowest = fd + 1;
    return fd;
  }

  /** EBADF where there is no such descriptor, EINVAL for a standard stream. */
  get(fd: number): OpenFile {
    return this.#files.get(fd) ?? refuse(fd >= 0 && fd < FIRST_FD ? Errno.EINVAL : Errno.EBADF);
  }

  /** Whether there is such a descriptor, of whatever: the standard streams too. */
  isOpen(fd: number): boolean {
    return this.#files.has(fd) || (fd >= 0 && fd < FIRST_FD);
  }

  find(fd: number): OpenFile | undefined {
    return this.#files.get(fd);
  }

  dup(fd: number): number {
    const file = this.get(fd);
    return this.install(file.object.getUser(), file);
  }

  /** EBADF where there is none, or it is not ours to close. */
  close(fd: number): void {
    const file = this.#files.get(fd) ?? refuse(Errno.EBADF);
    this.#files.delete(fd);
    if (fd < this.#lowest) this.#lowest = fd;
    file.object.putUser();
  }

  closeAll(): void {
    for (const fd of [...this.#files.keys()]) this.close(fd);
  }

  get size(): number {
    return this.#files.size;
  }
}
