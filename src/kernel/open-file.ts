import { Errno } from "../uapi/index.ts";
import { BPFFS_ROOT, FileAccess } from "./bpffs.ts";
import { CGROUP_ROOT } from "./cgroups/cgroup-tree.ts";
import { IteratorFile } from "./iterators/iterator-file.ts";
import { IteratorLink } from "./iterators/iterator-link.ts";
import type { KernelObject } from "./objects/kernel-object.ts";
import type { Process } from "./process.ts";
import { refuse } from "./refusal.ts";

const NAMESPACE = /^\/proc\/(self|\d+)\/ns\/net$/;

/**
 * open(2), of what programs are attached to: directories of control groups, files of network namespaces, pins of
 * iterators. @returns a descriptor. ENOENT, EACCES.
 */
export function openPath(process: Process, path: string): number {
  return process.files.install(find(process, path), { readable: true, writable: false });
}

/** The object behind a path, with a reference of its own. */
function find(process: Process, path: string): KernelObject {
  const { machine } = process;
  if (isCgroupPath(path)) {
    return (machine.cgroups.find(path.slice(CGROUP_ROOT.length)) ?? refuse(Errno.ENOENT)).get();
  }
  const namespace = NAMESPACE.exec(path);
  if (namespace !== null) {
    const who = namespace[1]!;
    const task = who === "self" ? process.task : machine.tasks.find(Number(who));
    return (task ?? refuse(Errno.ENOENT)).namespace.get();
  }
  if (!path.startsWith(BPFFS_ROOT)) refuse(Errno.ENOENT);
  const object = machine.bpffs.open(path, process, FileAccess.read);
  // bpf_iter_link_pinned: other pins are no files that could be read.
  return object instanceof IteratorLink ? new IteratorFile(machine, object, process.task) : refuse(Errno.EIO);
}

export function isCgroupPath(path: string): boolean {
  return path === CGROUP_ROOT || path.startsWith(`${CGROUP_ROOT}/`);
}
