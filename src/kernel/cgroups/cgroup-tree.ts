import { Errno } from "../../uapi/index.ts";
import { refuse } from "../refusal.ts";
import type { StructAllocator } from "../struct-allocator.ts";
import { Cgroup } from "./cgroup.ts";

/** Where the hierarchy is mounted. */
export const CGROUP_ROOT = "/sys/fs/cgroup";

const ROOT_ID = 1;

/** The control groups of a kernel: the unified hierarchy. */
export class CgroupTree {
  readonly root: Cgroup;
  readonly #structs: StructAllocator;
  readonly #byId = new Map<number, Cgroup>();
  readonly #removed: (group: Cgroup) => void;
  /** Removed, and still held by somebody. */
  readonly #dying = new Set<Cgroup>();
  #lastId = ROOT_ID;

  /** @param removed is told of groups that are removed, while they still have their structs. */
  constructor(structs: StructAllocator, removed: (group: Cgroup) => void) {
    this.#structs = structs;
    this.#removed = removed;
    this.root = new Cgroup(structs, ROOT_ID, "", null);
    this.#byId.set(ROOT_ID, this.root);
  }

  byId(id: number): Cgroup | undefined {
    return this.#byId.get(id);
  }

  /** The group whose struct is at an offset, also where it was removed and somebody holds it. */
  at(offset: number): Cgroup | undefined {
    for (const groups of [this.#byId.values(), this.#dying])
      for (const group of groups) if (group.isAt(offset)) return group;
    return undefined;
  }

  /** Gives a reference back that a program held. */
  drop(group: Cgroup): void {
    group.put();
    if (group.references === 0) this.#dying.delete(group);
  }

  /** The group at a path from the root of the hierarchy; undefined where there is none. */
  find(path: string): Cgroup | undefined {
    let group: Cgroup | undefined = this.root;
    for (const name of namesOf(path)) group = group?.children.get(name);
    return group;
  }

  /** Makes a group. EEXIST, ENOENT where there is none to be in. */
  create(path: string): Cgroup {
    const names = namesOf(path);
    const name = names.pop() ?? refuse(Errno.EEXIST);
    const parent = this.find(names.join("/")) ?? refuse(Errno.ENOENT);
    if (parent.children.has(name)) refuse(Errno.EEXIST);
    const group = new Cgroup(this.#structs, ++this.#lastId, name, parent);
    parent.children.set(name, group);
    this.#byId.set(group.id, group);
    return group;
  }

  /** Makes a group and those that it is to be in, as far as they are missing. */
  ensure(path: string): Cgroup {
    let group = this.root;
    for (const name of namesOf(path))
      group = group.children.get(name) ?? this.create(`${group.path}/${name}`);
    return group;
  }

  /** Removes an empty group; what was attached to it is detached. ENOENT, EBUSY where groups or `tasks` are in it. */
  remove(path: string, isUsed: (group: Cgroup) => boolean): void {
    const group = this.find(path) ?? refuse(Errno.ENOENT);
    if (group.parent === null || group.children.size > 0 || isUsed(group)) refuse(Errno.EBUSY);
    group.parent.children.delete(group.name);
    this.#byId.delete(group.id);
    group.dead = true;
    this.#removed(group);
    group.put();
    if (group.references > 0) this.#dying.add(group);
  }

  /** All groups, each before those in it (`css_for_each_descendant_pre`). */
  *below(group: Cgroup = this.root): IterableIterator<Cgroup> {
    yield group;
    for (const child of group.children.values()) yield* this.below(child);
  }
}

function namesOf(path: string): string[] {
  return path.split("/").filter((name) => name !== "");
}
