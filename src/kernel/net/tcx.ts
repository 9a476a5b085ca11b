import { ProgramChain } from "../hooks/program-chain.ts";
import type { Device } from "./device.ts";

/** The tcx programs of a device for what it receives or sends, made where there are none (`tcx_entry_fetch_or_create`). */
export function chainOf({ tcx }: Device, attachType: number): ProgramChain {
  let chain = tcx.get(attachType);
  if (chain === undefined) {
    chain = new ProgramChain();
    tcx.set(attachType, chain);
  }
  return chain;
}

/** A chain without programs is gone, with its revision. */
export function dropEmptyChain({ tcx }: Device, attachType: number): void {
  if (tcx.get(attachType)?.size === 0) tcx.delete(attachType);
}
