import { utf8 } from "../base/index.ts";
import { Errno } from "../uapi/index.ts";
import type { KernelObject } from "./objects/kernel-object.ts";
import { refuse } from "./refusal.ts";

/** Where the in-memory BPF file system is mounted. */
export const BPFFS_ROOT = "/sys/fs/bpf";

const NAME_MAX = 255;

type Node = Directory | KernelObject;

class Directory {
  readonly entries = new Map<string, Node>();
  /** False for the directories that the file system is mounted below. */
  readonly isBpf: boolean;

  constructor(isBpf: boolean) {
    this.isBpf = isBpf;
  }
}

/** Where something is to be created or removed. */
interface Place {
  readonly directory: Directory;
  readonly name: string;
  /** What is there now. */
  readonly node: Node | undefined;
  /** The path ends with a slash: only a directory can be there. */
  readonly slash: boolean;
}

/**
 * The BPF file system: directories and pins, each pin a reference to its object, in a tree that has nothing else.
 * Errors are those of `kernel/bpf/inode.c` and of the virtual file system above it (`fs/namei.c`). There is no working
 * directory: relative paths begin at the root.
 */
export class BpfFs {
  readonly #top = new Directory(false);
  readonly #root = new Directory(true);

  constructor() {
    const names = componentsOf(BPFFS_ROOT);
    let directory = this.#top;
    for (const [i, name] of names.entries()) {
      const next = i === names.length - 1 ? this.#root : new Directory(false);
      directory.entries.set(name, next);
      directory = next;
    }
  }

  /** Pins an object and takes a reference to it. EEXIST, ENOENT, EPERM (outside the file system, dots) … */
  pin(path: string, object: KernelObject): void {
    const { directory, name, node, slash } = this.#place(path, Errno.EEXIST);
    if (node !== undefined) refuse(Errno.EEXIST);
    if (slash) refuse(Errno.ENOENT);
    if (!directory.isBpf) refuse(Errno.EPERM);
    directory.entries.set(name, object.getUser());
  }

  /** The object at a path; ENOENT where nothing is, EACCES where it is a directory. */
  open(path: string): KernelObject {
    const node = this.#find(path);
    return node instanceof Directory ? refuse(Errno.EACCES) : node;
  }

  makeDirectory(path: string): void {
    const { directory, name, node } = this.#place(path, Errno.EEXIST);
    if (node !== undefined) refuse(Errno.EEXIST);
    if (!directory.isBpf) refuse(Errno.EPERM);
    directory.entries.set(name, new Directory(true));
  }

  /** Removes a pin (dropping its reference) or an empty directory. */
  remove(path: string): void {
    const { directory, name, node = refuse(Errno.ENOENT), slash } = this.#place(path, Errno.EBUSY);
    if (node instanceof Directory) {
      if (!directory.isBpf) refuse(Errno.EBUSY);
      if (node.entries.size > 0) refuse(Errno.ENOTEMPTY);
      directory.entries.delete(name);
      return;
    }
    if (slash) refuse(Errno.ENOTDIR);
    directory.entries.delete(name);
    node.putUser();
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
    if (path === "") refuse(Errno.ENOENT);
    const node = this.#walk(componentsOf(path));
    return path.endsWith("/") && !(node instanceof Directory) ? refuse(Errno.ENOTDIR) : node;
  }

  /** Where a path's last name is, or would be; `special` where that is no name (`filename_create`). */
  #place(path: string, special: number): Place {
    if (path === "") refuse(Errno.ENOENT);
    const names = componentsOf(path);
    const name = names.pop() ?? refuse(special);
    const directory = this.#walk(names);
    if (!(directory instanceof Directory)) return refuse(Errno.ENOTDIR);
    if (name === "." || name === "..") refuse(special);
    return { directory, name, node: lookUp(directory, name), slash: path.endsWith("/") };
  }

  #walk(names: readonly string[]): Node {
    const above: Directory[] = [];
    let node: Node = this.#top;
    for (const name of names) {
      if (!(node instanceof Directory)) return refuse(Errno.ENOTDIR);
      if (name === ".") continue;
      if (name === "..") {
        node = above.pop() ?? node;
        continue;
      }
      const next: Node = lookUp(node, name) ?? refuse(Errno.ENOENT);
      above.push(node);
      node = next;
    }
    return node;
  }
}

/** What a directory has under a name. Linux keeps names with dots for later use, even to look for (`bpf_lookup`). */
function lookUp(directory: Directory, name: string): Node | undefined {
  if (utf8(name).length > NAME_MAX) refuse(Errno.ENAMETOOLONG);
  const node = directory.entries.get(name);
  if (node === undefined && directory.isBpf && name.includes(".")) refuse(Errno.EPERM);
  return node;
}

function componentsOf(path: string): string[] {
  return path.split("/").filter((part) => part !== "");
}
