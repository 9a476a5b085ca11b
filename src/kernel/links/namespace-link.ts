import { BpfLinkType, Errno } from "../../uapi/index.ts";
import type { NamespaceHook } from "../hooks/namespace-hook.ts";
import type { IdTable } from "../id-table.ts";
import type { Namespace } from "../net/namespace.ts";
import type { KernelProgram } from "../objects/program.ts";
import { refuse } from "../refusal.ts";
import { checkOld, KernelLink, type LinkInfo } from "./link.ts";

/** A program that decides for a network namespace (`struct bpf_netns_link`). */
export class NamespaceLink extends KernelLink {
  readonly #namespace: Namespace;
  readonly #hook: NamespaceHook;
  readonly #attachType: number;
  #attached = false;

  constructor(
    table: IdTable<KernelLink>,
    program: KernelProgram,
    { namespace, hook, attachType }: { namespace: Namespace; hook: NamespaceHook; attachType: number },
  ) {
    super(table, BpfLinkType.NETNS, program);
    this.#namespace = namespace;
    this.#hook = hook;
    this.#attachType = attachType;
  }

  attach(): void {
    this.#hook.attachLink(this);
    this.#attached = true;
  }

  info(): LinkInfo {
    return { netnsNetnsIno: this.#attached ? this.#namespace.id : 0, netnsAttachType: this.#attachType };
  }

  override detach(): void {
    this.release();
  }

  override replace(program: KernelProgram, old: KernelProgram | null): void {
    checkOld(this, old);
    if (program.parts.type !== this.program.parts.type) refuse(Errno.EINVAL);
    if (!this.#attached) refuse(Errno.ENOLINK);
    this.exchange(program);
  }

  protected override release(): void {
    if (this.#attached) this.#hook.detachLink(this);
    this.#attached = false;
  }
}
