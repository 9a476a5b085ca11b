import { Errno } from "../uapi/index.ts";
import type { KernelObject } from "./objects/kernel-object.ts";
import { refuse } from "./refusal.ts";

/** Where the in-memory BPF file system is mounted. */
export const BPFFS_ROOT = "/sys/fs/bpf";

const NAME_MAX = 255;

type Node = Directory | KernelObject;

class Directory {
  readonly entries = new Map<string, Node>();
}

/**
 * The BPF file system: directories and pins, each pin a reference to its object.
 * Errors are those of `kernel/bpf/inode.c` and of the virtual file system above it.
 */
export class BpfFs {
  readonly #root = new Directory();

  /** Pins an object and takes a reference to it. EEXIST, ENOENT, EPERM (outside the file system, dots) … */
  pin(path: string, object: KernelObject): void {
    const { directory, name } = this.#parent(path);
    if (directory.entries.has(name)) refuse(Errno.EEXIST);
    directory.entries.set(name, object.get());
  }

  /** The object at a path; ENOENT where nothing is, EACCES where it is a directory. */
  open(path: string): KernelObject {
    const node = this.#find(path);
    return node instanceof Directory ? refuse(Errno.EACCES) : node;
  }

  makeDirectory(path: string): void {
    const { directory, name } = this.#parent(path);
    if (directory.entries.has(name)) refuse(Errno.EEXIST);
    directory.entries.set(name, new Directory());
  }

  /** Removes a pin (dropping its reference) or an empty directory. */
  remove(path: string): void {
    const { directory, name } = this.#parent(path);
    const node = directory.entries.get(name) ?? refuse(Errno.ENOENT);
    if (node instanceof Directory) {
      if (node.entries.size > 0) refuse(Errno.ENOTEMPTY);
      directory.entries.delete(name);
      return;
    }
    directory.entries.delete(name);
    node.put();
  }

  /** Names in a directory, sorted. */
  list(path: string): string[] {
    const node = this.#find(path);
    return node instanceof Directory ? [...node.entries.keys()].sort() : refuse(Errno.ENOTDIR);
  }

  /** Paths and objects of all pins: what `bpftool -f` looks for. */
  *pins(): IterableIterator<{ path: string; object: KernelObject }> {
    const pending: { path: string; directory: Directory }[] = [{ path: BPFFS_ROOT, directory: this.#root }];
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      for (const [name, node] of next.directory.entries) {
        const path = `${next.path}/${name}`;
        if (node instanceof Directory) pending.push({ path, directory: node });
        else yield { path, object: node };
      }
    }
  }

  #find(path: string): Node {
    let node: Node = this.#root;
    for (const name of this.#names(path)) {
      if (!(node instanceof Directory)) return refuse(Errno.ENOTDIR);
      node = node.entries.get(name) ?? refuse(Errno.ENOENT);
    }
    return node;
  }

  #parent(path: string): { directory: Directory; name: string } {
    const names = this.#names(path);
    const name = names.pop() ?? refuse(Errno.EEXIST);
    let node: Node = this.#root;
    for (const part of names) {
      if (!(node instanceof Directory)) return refuse(Errno.ENOTDIR);
      node = node.entries.get(part) ?? refuse(Errno.ENOENT);
    }
    if (!(node instanceof Directory)) return refuse(Errno.ENOTDIR);
    // Linux keeps names with dots for later use (bpf_lookup).
    if (name.includes(".")) refuse(Errno.EPERM);
    return { directory: node, name };
  }

  #names(path: string): string[] {
    const parts: string[] = [];
    for (const part of path.split("/")) {
      if (part === "" || part === ".") continue;
      if (part === "..") parts.pop();
      else if (part.length > NAME_MAX) refuse(Errno.ENAMETOOLONG);
      else parts.push(part);
    }
    const root = BPFFS_ROOT.split("/").filter((part) => part !== "");
    // Anything else exists on no file system of this kernel, or is not a BPF one.
    for (const [i, part] of root.entries())
      if (parts[i] !== part) refuse(path === "" ? Errno.ENOENT : Errno.EPERM);
    return parts.slice(root.length);
  }
}
