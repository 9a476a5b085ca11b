import type { ContextKind } from "../helpers/index.ts";
import { BpfProgType } from "../uapi/index.ts";

const SKB: ReadonlySet<number> = new Set([
  BpfProgType.SOCKET_FILTER,
  BpfProgType.SCHED_CLS,
  BpfProgType.SCHED_ACT,
  BpfProgType.CGROUP_SKB,
  BpfProgType.LWT_IN,
  BpfProgType.LWT_OUT,
  BpfProgType.LWT_XMIT,
  BpfProgType.LWT_SEG6LOCAL,
  BpfProgType.SK_SKB,
]);

const OTHERS: ReadonlyMap<number, ContextKind> = new Map([
  [BpfProgType.XDP, "xdp"],
  [BpfProgType.CGROUP_SOCK, "sock"],
  [BpfProgType.CGROUP_SOCK_ADDR, "sockAddr"],
  [BpfProgType.SOCK_OPS, "sockOps"],
]);

/** Which body a helper has, where one number has several, for programs of a type. */
export function contextKind(programType: number): ContextKind {
  return SKB.has(programType) ? "skb" : (OTHERS.get(programType) ?? "other");
}
