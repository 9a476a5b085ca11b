import { BpfLinkType, Errno } from "../../uapi/index.ts";
import type { NetfilterHooks } from "../hooks/netfilter.ts";
import type { IdTable } from "../id-table.ts";
import type { KernelProgram } from "../objects/program.ts";
import { refuse } from "../refusal.ts";
import { KernelLink, type LinkInfo } from "./link.ts";

/** Where a netfilter program is. */
export interface NetfilterPlace {
  /** `NFPROTO_*` */
  readonly family: number;
  /** `NF_INET_*` */
  readonly hook: number;
  readonly priority: number;
  readonly flags: number;
}

/** A netfilter program of a network namespace (`struct bpf_nf_link`). */
export class NetfilterLink extends KernelLink {
  readonly #place: NetfilterPlace;
  #hooks: NetfilterHooks | null = null;

  constructor(table: IdTable<KernelLink>, program: KernelProgram, place: NetfilterPlace) {
    super(table, BpfLinkType.NETFILTER, program);
    this.#place = place;
  }

  attach(hooks: NetfilterHooks): void {
    const { family, hook, priority } = this.#place;
    hooks.attach(family, hook, { link: this, priority });
    this.#hooks = hooks;
  }

  info(): LinkInfo {
    const { family, hook, priority, flags } = this.#place;
    return {
      netfilterPf: family,
      netfilterHooknum: hook,
      netfilterPriority: priority,
      netfilterFlags: flags,
    };
  }

  /** `bpf_nf_link_update` */
  override replace(): void {
    refuse(Errno.EOPNOTSUPP);
  }

  override detach(): void {
    this.release();
  }

  protected override release(): void {
    this.#hooks?.detach(this.#place.family, this.#place.hook, this);
    this.#hooks = null;
  }
}
