import { BpfLinkType, Errno } from "../../uapi/index.ts";
import type { IdTable } from "../id-table.ts";
import { checkOld, KernelLink, type LinkInfo, type LinkInfoRequest } from "../links/link.ts";
import type { KernelProgram } from "../objects/program.ts";
import { refuse } from "../refusal.ts";
import type { Walk, WalkOptions } from "./walk.ts";

/** What an iterator walks. */
export interface IteratorTarget {
  readonly name: string;
  readonly walk: Walk;
  readonly options: WalkOptions;
}

/** A program that is called with each object of a kind when its file is read (`struct bpf_iter_link`). */
export class IteratorLink extends KernelLink {
  readonly target: IteratorTarget;

  /** Takes references to the map and the group that it walks. */
  constructor(table: IdTable<KernelLink>, program: KernelProgram, target: IteratorTarget) {
    super(table, BpfLinkType.ITER, program);
    this.target = target;
    target.options.map?.getUser();
    target.options.cgroup?.group.get();
  }

  info(request: LinkInfoRequest): LinkInfo {
    const { name, options } = this.target;
    return {
      iterTargetNameLen: request.giveText("iterTargetName", "iterTargetNameLen", name),
      ...(options.map === null ? {} : { iterMapMapId: options.map.id }),
      ...(options.cgroup === null
        ? {}
        : { iterCgroupCgroupId: options.cgroup.group.id, iterCgroupOrder: options.cgroup.order }),
      ...(name === "task" ? { iterTaskTid: options.task.tid, iterTaskPid: options.task.pid } : {}),
    };
  }

  override replace(program: KernelProgram, old: KernelProgram | null): void {
    checkOld(this, old);
    const { type, expectedAttachType, attachTarget } = this.program.parts;
    const same =
      program.parts.type === type &&
      program.parts.expectedAttachType === expectedAttachType &&
      program.parts.attachTarget?.btfId === attachTarget?.btfId;
    if (!same) refuse(Errno.EINVAL);
    this.exchange(program);
  }

  protected override release(): void {
    this.target.options.map?.putUser();
    this.target.options.cgroup?.group.put();
  }
}
