import { BpfLinkType, Errno } from "../../uapi/index.ts";
import type { Cgroup } from "../cgroups/cgroup.ts";
import type { CgroupAttachment, CgroupHooks } from "../hooks/cgroup-hooks.ts";
import type { IdTable } from "../id-table.ts";
import type { KernelProgram } from "../objects/program.ts";
import { refuse } from "../refusal.ts";
import { checkOld, KernelLink, type LinkInfo } from "./link.ts";

/** A program of a control group (`struct bpf_cgroup_link`). */
export class CgroupLink extends KernelLink {
  /** Null once it is detached. */
  #group: Cgroup | null = null;
  readonly #attachType: number;
  readonly #hooks: CgroupHooks;

  constructor(table: IdTable<KernelLink>, program: KernelProgram, hooks: CgroupHooks, attachType: number) {
    super(table, BpfLinkType.CGROUP, program);
    this.#hooks = hooks;
    this.#attachType = attachType;
  }

  /** Attaches it. Refusals as those of `CgroupHooks.attach`. */
  attach(group: Cgroup, place: Omit<CgroupAttachment, "program" | "link" | "replaces">): void {
    this.#hooks.attach(group, this.#attachType, {
      ...place,
      program: this.program,
      link: this,
      replaces: null,
    });
    this.#group = group.get();
  }

  /** The group, while it is there: one that is removed takes what is attached to it along. */
  get group(): Cgroup | null {
    return this.#group === null || this.#group.dead ? null : this.#group;
  }

  info(): LinkInfo {
    return { cgroupCgroupId: this.group?.id ?? 0, cgroupAttachType: this.#attachType };
  }

  override detach(): void {
    this.release();
  }

  override replace(program: KernelProgram, old: KernelProgram | null): void {
    const { group } = this;
    if (group === null) refuse(Errno.ENOLINK);
    checkOld(this, old);
    if (program.parts.type !== this.program.parts.type) refuse(Errno.EINVAL);
    this.exchange(program);
    this.#hooks.exchange(group, this.#attachType, this, program);
  }

  protected override release(): void {
    const group = this.#group;
    if (group === null) return;
    this.#group = null;
    if (!group.dead) this.#hooks.detach(group, this.#attachType, { program: null, link: this, revision: 0n });
    group.put();
  }
}
