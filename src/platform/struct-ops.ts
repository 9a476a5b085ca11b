import type { KernelRelease } from "./releases/release.ts";

/** Members of a kernel struct that implementations of operations may write, found by their paths in the kernel's layout. */
export interface WritableStruct {
  readonly struct: string;
  /**
   * Paths from a struct, which may be the one that the struct begins with; stores begin at their first byte. Behind a
   * `+` stands a path in what lies at the place so far.
   */
  readonly members: readonly string[];
  /** Stores may begin anywhere in these. */
  readonly ranges: readonly string[];
}

/**
 * What may be written (`btf_struct_access` of a program type's operations):
 *
 * - `members`: the only structs and members, all named in refusals; by `name` where it is given, whatever the struct.
 * - `parts`: of each member any part, and nothing is said.
 * - `whole`: a struct everywhere.
 * - `spare`: of each member all but some last bytes, by struct.
 */
export type WriteRules =
  | { readonly kind: "members"; readonly structs: readonly WritableStruct[]; readonly name?: string }
  | { readonly kind: "parts"; readonly struct: string; readonly members: readonly string[] }
  | { readonly kind: "whole"; readonly struct: string }
  | {
      readonly kind: "spare";
      readonly structs: ReadonlyMap<string, readonly { readonly member: string; readonly spare: number }[]>;
    };

/** Operations of the kernel that programs may implement (`struct bpf_struct_ops`). */
export interface StructOpsType {
  /** Members that programs may implement, those that have a stand-in (`cfi_stubs`); null: all that are functions. */
  readonly members: ReadonlySet<string> | null;
  /** Those of them that may sleep (`check_member`); null: all. */
  readonly sleepable: ReadonlySet<string> | null;
  readonly writes: WriteRules;
}

/** `bpf_tcp_ca_btf_struct_access`: what 6.1 lets programs write, and more. */
function congestionWrites(...more: readonly string[]): WriteRules {
  const members = [
    "sock.sk_pacing_rate",
    "sock.sk_pacing_status",
    "inet_connection_sock.icsk_ack.pending",
    "tcp_sock.snd_cwnd",
    "tcp_sock.snd_cwnd_cnt",
    "tcp_sock.snd_ssthresh",
    "tcp_sock.ecn_flags",
    ...more,
  ];
  const ranges = ["inet_connection_sock.icsk_ca_priv"];
  return { kind: "members", structs: [{ struct: "tcp_sock", members, ranges }] };
}

/** `bpf_tcp_congestion_ops` */
const CONGESTION_CONTROL: StructOpsType = {
  members: new Set([
    "ssthresh",
    "cong_avoid",
    "set_state",
    "cwnd_event",
    "in_ack_event",
    "pkts_acked",
    "min_tso_segs",
    "cong_control",
    "undo_cwnd",
    "sndbuf_expand",
    "init",
    "release",
  ]),
  sleepable: null,
  writes: congestionWrites("tcp_sock.snd_cwnd_stamp", "tcp_sock.app_limited"),
};

/** `bpf_Qdisc_ops` */
const QUEUEING: StructOpsType = {
  members: new Set(["enqueue", "dequeue", "init", "reset", "destroy"]),
  sleepable: null,
  writes: {
    kind: "members",
    structs: [
      { struct: "sk_buff", members: ["sk_buff.tstamp"], ranges: ["sk_buff.cb+qdisc_skb_cb.data"] },
      { struct: "Qdisc", members: ["Qdisc.limit", "Qdisc.q.qlen"], ranges: ["Qdisc.qstats"] },
    ],
  },
};

/** `bpf_sched_ext_ops` */
const SCHEDULER: StructOpsType = {
  members: null,
  sleepable: new Set([
    "init_task",
    "cgroup_init",
    "cgroup_exit",
    "cgroup_prep_move",
    "cpu_online",
    "cpu_offline",
    "init",
    "exit",
  ]),
  writes: {
    kind: "parts",
    struct: "task_struct",
    members: ["scx.slice", "scx.dsq_vtime", "scx.disallow"],
  },
};

/** `bpf_hid_bpf_ops`: strings of a device may be written without their last byte, and the result of a request. */
const DEVICE: StructOpsType = {
  members: null,
  sleepable: new Set(["hid_rdesc_fixup", "hid_hw_request", "hid_hw_output_report"]),
  writes: {
    kind: "spare",
    structs: new Map([
      ["hid_bpf_ctx", [{ member: "retval", spare: 0 }]],
      [
        "hid_device",
        [
          { member: "name", spare: 1 },
          { member: "uniq", spare: 1 },
          { member: "phys", spare: 1 },
        ],
      ],
    ]),
  },
};

/** `bpf_bpf_dummy_ops` */
const DUMMY: StructOpsType = {
  members: null,
  sleepable: new Set(["test_sleepable"]),
  writes: { kind: "whole", struct: "bpf_dummy_ops_state" },
};

/** The operations that Linux 6.18 lets programs implement (`register_bpf_struct_ops`), by the name of their struct. */
export const STRUCT_OPS_TYPES: ReadonlyMap<string, StructOpsType> = new Map([
  ["tcp_congestion_ops", CONGESTION_CONTROL],
  ["Qdisc_ops", QUEUEING],
  ["sched_ext_ops", SCHEDULER],
  ["hid_bpf_ops", DEVICE],
  ["bpf_dummy_ops", DUMMY],
]);

/** 6.1 had two of them, and no programs that sleep. */
const STRUCT_OPS_TYPES_6_1: ReadonlyMap<string, StructOpsType> = new Map([
  [
    "tcp_congestion_ops",
    {
      members: CONGESTION_CONTROL.members,
      sleepable: new Set<string>(),
      writes: congestionWrites(),
    },
  ],
  ["bpf_dummy_ops", { ...DUMMY, sleepable: new Set<string>() }],
]);

/** The operations by the name of their struct that programs may implement in a release; undefined where none of it may. */
export function structOpsType(name: string, release: KernelRelease = "6.18"): StructOpsType | undefined {
  return (release === "6.1" ? STRUCT_OPS_TYPES_6_1 : STRUCT_OPS_TYPES).get(name);
}

/**
 * Whether a program may implement a member that is a function (`bpf_struct_ops_supported` and `check_member`). Where
 * not, Linux says "attach to unsupported member MEMBER of struct STRUCT": with ENOTSUPP where none may, with EINVAL where
 * none may that sleeps. Structs that are not known here have no rules.
 */
export function structOpsMember(
  struct: string,
  member: string,
  sleepable: boolean,
  release: KernelRelease = "6.18",
): "supported" | "not-supported" | "may-not-sleep" {
  const type = structOpsType(struct, release);
  if (type === undefined) return "supported";
  if (type.members?.has(member) === false) return "not-supported";
  return sleepable && type.sleepable?.has(member) === false ? "may-not-sleep" : "supported";
}
