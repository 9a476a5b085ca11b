import { BpfAttachFlag, BpfAttachType, BpfLinkType, Errno } from "../../uapi/index.ts";
import type { ChainPlace } from "../hooks/program-chain.ts";
import type { IdTable } from "../id-table.ts";
import type { Device } from "../net/device.ts";
import { chainOf, dropEmptyChain } from "../net/tcx.ts";
import type { KernelProgram } from "../objects/program.ts";
import { refuse } from "../refusal.ts";
import { checkOld, KernelLink, type LinkInfo } from "./link.ts";

const ANYWHERE: ChainPlace = { flags: 0, relative: () => null, revision: 0n };

/** A tcx program of a device (`struct tcx_link`). */
export class TcxLink extends KernelLink {
  /** Null once it is detached. */
  #device: Device | null;
  readonly #attachType: number;

  constructor(table: IdTable<KernelLink>, program: KernelProgram, device: Device, attachType: number) {
    super(table, BpfLinkType.TCX, program);
    this.#device = device;
    this.#attachType = attachType;
  }

  /** Puts it into the chain of its device; where that is refused, it is attached to none. */
  attach(place: ChainPlace): void {
    const device = this.#device!;
    try {
      chainOf(device, this.#attachType).attach({ program: this.program, link: this }, place, null);
    } catch (refusal) {
      this.#device = null;
      dropEmptyChain(device, this.#attachType);
      throw refusal;
    }
  }

  info(): LinkInfo {
    return { tcxIfindex: this.#device?.ifindex ?? 0, tcxAttachType: this.#attachType };
  }

  override detach(): void {
    this.release();
  }

  override replace(program: KernelProgram, old: KernelProgram | null): void {
    if (this.#device === null) refuse(Errno.ENOLINK);
    checkOld(this, old);
    if (program === this.program) return;
    if (program.parts.type !== this.program.parts.type) refuse(Errno.EINVAL);
    chainOf(this.#device, this.#attachType).exchange(this, program);
    this.exchange(program);
  }

  protected override release(): void {
    const device = this.#device;
    if (device === null) return;
    this.#device = null;
    chainOf(device, this.#attachType).detach(this.program, this, ANYWHERE);
    dropEmptyChain(device, this.#attachType);
  }
}

/** Flags of a place that PROG_ATTACH and links of mprog hooks know. */
export const CHAIN_FLAGS =
  BpfAttachFlag.REPLACE | BpfAttachFlag.BEFORE | BpfAttachFlag.AFTER | BpfAttachFlag.ID | BpfAttachFlag.LINK;

export function isTcx(attachType: number): boolean {
  return attachType === BpfAttachType.TCX_INGRESS || attachType === BpfAttachType.TCX_EGRESS;
}
