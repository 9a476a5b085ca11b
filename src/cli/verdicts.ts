import { BpfProgType, TcAct, XdpAction } from "../uapi/index.ts";

/** How often each result was returned. */
export type Verdicts = ReadonlyMap<number, number>;

/** The name of what a program of a type returned, or undefined where it has none: `XDP_PASS`, `TC_ACT_SHOT`. */
export function verdictName(type: number, retval: number): string | undefined {
  switch (type) {
    case BpfProgType.XDP:
      return nameIn(XdpAction, "XDP_", retval);
    case BpfProgType.SCHED_CLS:
    case BpfProgType.SCHED_ACT:
      return nameIn(TcAct, "TC_ACT_", retval | 0);
    case BpfProgType.SOCKET_FILTER:
      return retval === 0 ? "drop" : "keep";
    case BpfProgType.CGROUP_SKB:
      return CGROUP_SKB[retval];
    default:
      return undefined;
  }
}

/** What `BPF_PROG_CGROUP_INET_EGRESS_RUN_ARRAY` makes of the value; ingress knows the first two. */
const CGROUP_SKB: readonly string[] = ["drop", "pass", "drop, congestion", "pass, congestion"];

function nameIn(
  constants: Readonly<Record<string, number>>,
  prefix: string,
  value: number,
): string | undefined {
  const entry = Object.entries(constants).find(([, each]) => each === value);
  return entry === undefined ? undefined : prefix + entry[0];
}

/** A verdict for people: its name, or the number as the type counts it. */
export function verdictText(type: number, retval: number): string {
  const name = verdictName(type, retval);
  if (name === undefined) return String(type === BpfProgType.SCHED_CLS ? retval | 0 : retval);
  return type === BpfProgType.SOCKET_FILTER && retval !== 0
    ? `keep ${retval} ${retval === 1 ? "byte" : "bytes"}`
    : name;
}
