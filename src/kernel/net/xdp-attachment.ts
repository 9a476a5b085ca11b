import type { KernelLink } from "../links/link.ts";
import type { KernelProgram } from "../objects/program.ts";

/** An XDP program on a device, with the link that put it there; null where netlink did. */
export interface XdpAttachment {
  readonly program: KernelProgram;
  readonly link: KernelLink | null;
}
