import { plain, table, when } from "../grant.ts";
import { BASE } from "./base.ts";

/** `bpf_tcp_ca_get_func_proto`: nothing may be set on a socket that is about to leave this algorithm. */
const CONGESTION_CONTROL = table(
  {
    ...plain(["tcp_send_ack", "sk_storage_get", "sk_storage_delete", "ktime_get_coarse_ns"]),
    setsockopt: when({ otherTargets: new Set(["tcp_congestion_ops.release"]) }, "bpf_sk_setsockopt"),
    getsockopt: when({ otherTargets: new Set(["tcp_congestion_ops.release"]) }, "bpf_sk_getsockopt"),
  },
  BASE,
);

/** `bpf_scx_get_func_proto` */
const SCHEDULER = table(plain(["task_storage_get", "task_storage_delete"]), BASE);

/** Helpers of struct_ops programs, by the type of struct; null where the type has no helpers at all. */
export const STRUCT_OPS: ReadonlyMap<string, ReturnType<typeof table> | null> = new Map([
  ["tcp_congestion_ops", CONGESTION_CONTROL],
  ["sched_ext_ops", SCHEDULER],
  ["hid_bpf_ops", BASE],
  ["Qdisc_ops", BASE],
  ["bpf_dummy_ops", null],
]);
