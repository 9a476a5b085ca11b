import { BpfAttachType, Errno, XdpFlag } from "../../uapi/index.ts";
import type { KernelProgram } from "../objects/program.ts";
import { refuse } from "../refusal.ts";
import type { Device } from "./device.ts";

/**
 * Who is to run an XDP program of a link: the driver, or the network stack in its place (`dev_xdp_attach`). EINVAL for
 * flags, EBUSY where something is there, EEXIST where the other has one, EOPNOTSUPP where there is no driver for it.
 */
export function xdpMode(device: Device, { parts }: KernelProgram, flags: number): "skb" | "driver" {
  if ((flags & ~XdpFlag.MODES) !== 0) refuse(Errno.EINVAL);
  // Just one mode, or none.
  if ((flags & (flags - 1)) !== 0) refuse(Errno.EINVAL);
  const mode = modeOf(device, flags);
  if (mode !== "hardware") {
    if (device.xdp.has(mode)) refuse(Errno.EBUSY);
    if (device.xdp.has(mode === "skb" ? "driver" : "skb")) refuse(Errno.EEXIST);
  }
  const { expectedAttachType, device: bound } = parts;
  if (bound !== null && (bound !== device || mode === "skb")) refuse(Errno.EINVAL);
  if (expectedAttachType === BpfAttachType.XDP_DEVMAP || expectedAttachType === BpfAttachType.XDP_CPUMAP)
    refuse(Errno.EINVAL);
  if (mode === "skb" || (mode === "driver" && device.nativeXdp)) return mode;
  // Drivers that run programs refuse those for hardware that they do not have.
  return refuse(device.nativeXdp ? Errno.EINVAL : Errno.EOPNOTSUPP);
}

/** `dev_xdp_mode` */
function modeOf(device: Device, flags: number): "skb" | "driver" | "hardware" {
  if ((flags & XdpFlag.HW_MODE) !== 0) return "hardware";
  if ((flags & XdpFlag.DRV_MODE) !== 0) return "driver";
  if ((flags & XdpFlag.SKB_MODE) !== 0) return "skb";
  return device.nativeXdp ? "driver" : "skb";
}
