import type { KernelStruct } from "../kernel-struct.ts";
import { KernelObject } from "../objects/kernel-object.ts";
import type { StructAllocator } from "../struct-allocator.ts";

const POINTER = 8;

/** What a control group's structs are in memory. */
interface CgroupStructs {
  readonly cgroup: KernelStruct;
  readonly node: KernelStruct;
  /** What tasks hold: all of one group share one. */
  readonly set: KernelStruct;
}

/**
 * A control group of the unified hierarchy: `struct cgroup`, its `struct kernfs_node` and the `struct css_set` of its
 * tasks, made when something first looks at them. Its reference count is that of descriptors and links; the tree holds
 * it as long as it has a name.
 */
export class Cgroup extends KernelObject {
  readonly kind = "cgroup";
  readonly name: string;
  readonly parent: Cgroup | null;
  readonly children = new Map<string, Cgroup>();
  /** It was removed: nothing can be attached to it any more. */
  dead = false;
  /** Of the root 0. */
  readonly level: number;
  readonly #structs: StructAllocator;
  #made: CgroupStructs | undefined;

  /** @param id number of its directory (`cgroup_id`). */
  constructor(structs: StructAllocator, id: number, name: string, parent: Cgroup | null) {
    super(id);
    this.#structs = structs;
    this.name = name;
    this.parent = parent;
    this.level = parent === null ? 0 : parent.level + 1;
  }

  /** From the root of the hierarchy: `"/"`, `"/app/worker"`. */
  get path(): string {
    if (this.parent === null) return "/";
    return `${this.parent.parent === null ? "" : this.parent.path}/${this.name}`;
  }

  /** The group itself and those above it, the root last. */
  *ancestors(): IterableIterator<Cgroup> {
    for (let group: Cgroup | null = this; group !== null; group = group.parent) yield group;
  }

  /** The ancestor at a level of the hierarchy, itself at its own; undefined where it is not that deep. */
  ancestorAt(level: number): Cgroup | undefined {
    for (const group of this.ancestors()) if (group.level === level) return group;
    return undefined;
  }

  /** Whether its struct is at an offset. */
  isAt(offset: number): boolean {
    return this.#made?.cgroup.offset === offset;
  }

  /** Offset of its `struct cgroup`. */
  get offset(): number {
    return this.#objects().cgroup.offset;
  }

  /** Offset of the `struct css_set` of its tasks. */
  get setOffset(): number {
    return this.#objects().set.offset;
  }

  #objects(): CgroupStructs {
    this.#made ??= this.#make();
    return this.#made;
  }

  #make(): CgroupStructs {
    const structs = this.#structs;
    const cgroup = structs.struct("cgroup", [], POINTER * (this.level + 1));
    const node = structs.struct("kernfs_node");
    const set = structs.struct("css_set");
    node.set("id", this.id);
    cgroup.point("kn", node.offset);
    cgroup.set("level", this.level);
    cgroup.point("self.cgroup", cgroup.offset);
    if (this.parent !== null) cgroup.set("self.parent", this.parent.#objects().cgroup.get64("self.cgroup"));
    for (const group of this.ancestors()) {
      const at = group === this ? cgroup.offset : group.offset;
      cgroup.pointElement("ancestors", group.level, at);
    }
    set.point("dfl_cgrp", cgroup.offset);
    return { cgroup, node, set };
  }

  protected override destroy(): void {
    if (this.#made === undefined) return;
    for (const object of Object.values(this.#made)) this.#structs.free(object);
    this.#made = undefined;
  }
}
