import { BpfAttachType } from "../../uapi/index.ts";
import { ProgramChain } from "../hooks/program-chain.ts";
import type { Device } from "./device.ts";

/** The tcx programs of a device for what it receives or sends, made where there are none (`tcx_entry_fetch_or_create`). */
export function chainOf(device: Device, attachType: number): ProgramChain {
  if (attachType === BpfAttachType.TCX_INGRESS) {
    device.ingress ??= new ProgramChain();
    return device.ingress;
  }
  device.egress ??= new ProgramChain();
  return device.egress;
}

/** As {@link chainOf}; null where there are none. */
export function findChain(device: Device, attachType: number): ProgramChain | null {
  return attachType === BpfAttachType.TCX_INGRESS ? device.ingress : device.egress;
}

/** A chain without programs is gone, with its revision. */
export function dropEmptyChain(device: Device, attachType: number): void {
  if (findChain(device, attachType)?.size !== 0) return;
  if (attachType === BpfAttachType.TCX_INGRESS) device.ingress = null;
  else device.egress = null;
}
