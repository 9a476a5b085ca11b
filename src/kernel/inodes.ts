import type { KernelMemory } from "../mem/index.ts";
import { Errno } from "../uapi/index.ts";
import { refuse } from "./refusal.ts";

/** A pointer to the values that maps have for the inode (`struct bpf_storage_blob`). */
const BLOB_SIZE = 8;

/**
 * Inodes, as far as maps have values for them. All descriptors of the kernel's objects share one, which has no name
 * (`anon_inode_inode`); the standard streams have one each.
 */
export class Inodes {
  readonly #memory: KernelMemory;
  readonly #blobs = new Map<number, number>();

  constructor(memory: KernelMemory) {
    this.#memory = memory;
  }

  /** Where the values of a descriptor's inode hang, by the stream's number; -1 for an object of the kernel. ENOMEM. */
  storageAt(stream: number): number {
    const known = this.#blobs.get(stream);
    if (known !== undefined) return known;
    const at = this.#memory.alloc(BLOB_SIZE);
    if (at === 0) refuse(Errno.ENOMEM);
    this.#blobs.set(stream, at);
    return at;
  }
}
