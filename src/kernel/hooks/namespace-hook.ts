import { BpfAttachType, Errno } from "../../uapi/index.ts";
import type { KernelLink } from "../links/link.ts";
import type { KernelProgram } from "../objects/program.ts";
import { refuse } from "../refusal.ts";

/** Most links at a hook of a namespace (`netns_bpf_max_progs`). */
const MOST: ReadonlyMap<number, number> = new Map([
  [BpfAttachType.FLOW_DISSECTOR, 1],
  [BpfAttachType.SK_LOOKUP, 64],
]);

/** Programs that decide for a whole network namespace (`struct netns_bpf`, one attach type of it). */
export class NamespaceHook {
  /** Attached by PROG_ATTACH; null for none. It and links keep each other away. */
  program: KernelProgram | null = null;
  links: readonly KernelLink[] = [];
  readonly #most: number;

  /** @param type BPF_FLOW_DISSECTOR or BPF_SK_LOOKUP. */
  constructor(type: number) {
    this.#most = MOST.get(type)!;
  }

  /** `netns_bpf_link_attach`: E2BIG, EEXIST. */
  attachLink(link: KernelLink): void {
    if (this.links.length >= this.#most) refuse(Errno.E2BIG);
    if (this.program !== null) refuse(Errno.EEXIST);
    this.links = [...this.links, link];
  }

  detachLink(link: KernelLink): void {
    this.links = this.links.filter((other) => other !== link);
  }

  /** `netns_bpf_prog_attach`: EEXIST where a link is there, EINVAL where the program is already. */
  attachProgram(program: KernelProgram): void {
    if (this.links.length > 0) refuse(Errno.EEXIST);
    if (this.program === program) refuse(Errno.EINVAL);
    const before = this.program;
    this.program = program.get();
    before?.put();
  }

  /** `__netns_bpf_prog_detach`: EINVAL where a link is there, ENOENT where it is another, or none. */
  detachProgram(program: KernelProgram): void {
    if (this.links.length > 0) refuse(Errno.EINVAL);
    if (this.program === null || this.program !== program) refuse(Errno.ENOENT);
    this.program = null;
    program.put();
  }

  /** In the order in which they run. */
  get programs(): readonly KernelProgram[] {
    return this.program === null ? this.links.map(({ program }) => program) : [this.program];
  }
}

/** Attach types of namespaces (`to_netns_bpf_attach_type`). */
export function isNamespaceHook(type: number): boolean {
  return MOST.has(type);
}
