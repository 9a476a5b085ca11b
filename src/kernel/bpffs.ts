import { utf8 } from "../base/index.ts";
import { Errno } from "../uapi/index.ts";
import type { KernelObject } from "./objects/kernel-object.ts";
import { refuse } from "./refusal.ts";

/** Where the in-memory BPF file system is mounted. */
export const BPFFS_ROOT = "/sys/fs/bpf";

const NAME_MAX = 255;

/** Who walks, creates and removes. */
export interface FileUser {
  readonly uid: number;
  may(capability: "DAC_OVERRIDE" | "FOWNER"): boolean;
}

/** What is asked of a file or directory, as the bits of a mode. */
export const FileAccess = { read: 4, write: 2 } as const;

type Node = Directory | Pin;

class Directory {
  readonly entries = new Map<string, Node>();
  /** False for the directories that the file system is mounted below. */
  readonly isBpf: boolean;
  readonly owner: number;
  /** Anyone may create in it, and remove what is his own. */
  readonly isSticky: boolean;

  constructor(isBpf: boolean, owner = 0, isSticky = false) {
    this.isBpf = isBpf;
    this.owner = owner;
    this.isSticky = isSticky;
  }

  /** Mode 01777 or 0755. */
  get mode(): number {
    return this.isSticky ? 0o777 : 0o755;
  }
}

class Pin {
  readonly object: KernelObject;
  readonly owner: number;
  readonly mode = 0o600;

  constructor(object: KernelObject, owner: number) {
    this.object = object;
    this.owner = owner;
  }
}

/** `inode_permission`; there are no groups here. */
function permit(user: FileUser, { owner, mode }: Node, access: number): void {
  const granted = user.uid === owner ? mode >> 6 : mode;
  if ((access & ~granted) !== 0 && !user.may("DAC_OVERRIDE")) refuse(Errno.EACCES);
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
 * directory: relative paths begin at the root. Modes are those of a default mount under the umask 022: 01777 of the
 * root, 0755 of directories, 0600 of pins.
 */
export class BpfFs {
  readonly #top = new Directory(false);
  readonly #root = new Directory(true, 0, true);

  constructor() {
    const names = componentsOf(BPFFS_ROOT);
    let directory = this.#top;
    for (const [i, name] of names.entries()) {
      const next = i === names.length - 1 ? this.#root : new Directory(false);
      directory.entries.set(name, next);
      directory = next;
    }
  }

  /** Pins an object and takes a reference to it. EEXIST, ENOENT, EPERM (outside the file system, dots), EACCES … */
  pin(path: string, object: KernelObject, user: FileUser): void {
    const { directory, name, node, slash } = this.#place(path, Errno.EEXIST);
    if (node !== undefined) refuse(Errno.EEXIST);
    if (slash) refuse(Errno.ENOENT);
    if (!directory.isBpf) refuse(Errno.EPERM);
    permit(user, directory, FileAccess.write);
    directory.entries.set(name, new Pin(object.getUser(), user.uid));
  }

  /** The object at a path; ENOENT where nothing is, EACCES where it is a directory or not for this user. */
  open(path: string, user: FileUser, access: number): KernelObject {
    const node = this.#find(path);
    permit(user, node, access);
    return node instanceof Directory ? refuse(Errno.EACCES) : node.object;
  }

  makeDirectory(path: string, user: FileUser): void {
    const { directory, name, node } = this.#place(path, Errno.EEXIST);
    if (node !== undefined) refuse(Errno.EEXIST);
    permit(user, directory, FileAccess.write);
    if (!directory.isBpf) refuse(Errno.EPERM);
    directory.entries.set(name, new Directory(true, user.uid));
  }

  /** Removes a pin (dropping its reference) or an empty directory. */
  remove(path: string, user: FileUser): void {
    const { directory, name, node = refuse(Errno.ENOENT), slash } = this.#place(path, Errno.EBUSY);
    permit(user, directory, FileAccess.write);
    // `check_sticky`: of others' things only their owner, and that of the directory, may dispose.
    const owns = user.uid === node.owner || user.uid === directory.owner;
    if (directory.isSticky && !owns && !user.may("FOWNER")) refuse(Errno.EPERM);
    if (node instanceof Directory) {
      if (!directory.isBpf) refuse(Errno.EBUSY);
      if (node.entries.size > 0) refuse(Errno.ENOTEMPTY);
      directory.entries.delete(name);
      return;
    }
    if (slash) refuse(Errno.ENOTDIR);
    directory.entries.delete(name);
    node.object.putUser();
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
        else yield { path, object: node.object };
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
