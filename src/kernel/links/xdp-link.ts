import { BpfLinkType, Errno } from "../../uapi/index.ts";
import type { IdTable } from "../id-table.ts";
import type { Device } from "../net/device.ts";
import type { KernelProgram } from "../objects/program.ts";
import { refuse } from "../refusal.ts";
import { checkOld, KernelLink, type LinkInfo } from "./link.ts";

/** An XDP program of a device (`struct bpf_xdp_link`). */
export class XdpLink extends KernelLink {
  /** Null once it is detached. */
  #device: Device | null;
  readonly #mode: "skb" | "driver";

  constructor(table: IdTable<KernelLink>, program: KernelProgram, device: Device, mode: "skb" | "driver") {
    super(table, BpfLinkType.XDP, program);
    this.#device = device;
    this.#mode = mode;
    device.xdp.set(mode, { program, link: this });
  }

  info(): LinkInfo {
    return { xdpIfindex: this.#device?.ifindex ?? 0 };
  }

  override detach(): void {
    this.release();
  }

  override replace(program: KernelProgram, old: KernelProgram | null): void {
    if (this.#device === null) refuse(Errno.ENOLINK);
    checkOld(this, old);
    const { type, expectedAttachType } = this.program.parts;
    if (program.parts.type !== type || program.parts.expectedAttachType !== expectedAttachType)
      refuse(Errno.EINVAL);
    this.exchange(program);
    this.#device.xdp.set(this.#mode, { program, link: this });
  }

  protected override release(): void {
    this.#device?.xdp.delete(this.#mode);
    this.#device = null;
  }
}
