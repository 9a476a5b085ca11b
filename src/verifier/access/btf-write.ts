import { BtfKind } from "../../btf/index.ts";
import { Errno, BpfProgType as P } from "../../uapi/index.ts";
import type { Environment } from "../environment/environment.ts";
import { Rejection } from "../environment/rejection.ts";
import { resolvedType } from "../environment/resolved-type.ts";
import type { Register } from "../state/register.ts";
import { typeName } from "../types/walk.ts";

/** Members of a struct that programs may write. */
interface WritableStruct {
  readonly struct: string;
  /**
   * Paths from a struct, which may be the one that the struct begins with; stores begin at their first byte. Behind a
   * `+` stands a path in what lies at the place so far.
   */
  readonly members: readonly string[];
  /** Stores may begin anywhere in these. */
  readonly ranges: readonly string[];
}

/** The only structs and members that a kind of program may write, all named in refusals. */
interface MemberRules {
  readonly kind: "members";
  readonly structs: readonly WritableStruct[];
  /** What refusals call the struct, whichever it is. */
  readonly name?: string;
}

/** As above, but of each member any part, and nothing is said. */
interface PartRules {
  readonly kind: "parts";
  readonly struct: string;
  readonly members: readonly string[];
}

/** A struct may be written everywhere. */
interface WholeRules {
  readonly kind: "whole";
  readonly struct: string;
}

type WriteRules = MemberRules | PartRules | WholeRules | { readonly kind: "hid" };

/** `_nf_conntrack_btf_struct_access`; the struct that is still being set up has the same layout. */
const CONNECTIONS: MemberRules = {
  kind: "members",
  name: "nf_conn",
  structs: ["nf_conn", "nf_conn___init"].map((struct) => ({ struct, members: ["nf_conn.mark"], ranges: [] })),
};

/** What implementations of the kernel's operations may write, by the name of the operations. */
const STRUCT_OPS: ReadonlyMap<string, WriteRules> = new Map<string, WriteRules>([
  [
    // bpf_tcp_ca_btf_struct_access
    "tcp_congestion_ops",
    {
      kind: "members",
      structs: [
        {
          struct: "tcp_sock",
          members: [
            "sock.sk_pacing_rate",
            "sock.sk_pacing_status",
            "inet_connection_sock.icsk_ack.pending",
            "tcp_sock.snd_cwnd",
            "tcp_sock.snd_cwnd_cnt",
            "tcp_sock.snd_cwnd_stamp",
            "tcp_sock.snd_ssthresh",
            "tcp_sock.ecn_flags",
            "tcp_sock.app_limited",
          ],
          ranges: ["inet_connection_sock.icsk_ca_priv"],
        },
      ],
    },
  ],
  [
    // bpf_qdisc_btf_struct_access
    "Qdisc_ops",
    {
      kind: "members",
      structs: [
        {
          struct: "sk_buff",
          members: [
            "sk_buff.tstamp",
            "sk_buff.priority",
            "sk_buff.mark",
            "sk_buff.queue_mapping",
            "sk_buff.cb+qdisc_skb_cb.tc_classid",
            "sk_buff.tc_index",
          ],
          ranges: ["sk_buff.cb+qdisc_skb_cb.data"],
        },
        { struct: "Qdisc", members: ["Qdisc.limit", "Qdisc.q.qlen"], ranges: ["Qdisc.qstats"] },
      ],
    },
  ],
  // bpf_dummy_ops_btf_struct_access
  ["bpf_dummy_ops", { kind: "whole", struct: "bpf_dummy_ops_state" }],
  // bpf_scx_btf_struct_access
  [
    "sched_ext_ops",
    { kind: "parts", struct: "task_struct", members: ["scx.slice", "scx.dsq_vtime", "scx.disallow"] },
  ],
  ["hid_bpf_ops", { kind: "hid" }],
]);

function rulesOf(env: Environment): WriteRules | null {
  switch (resolvedType(env).type) {
    case P.SCHED_CLS:
    case P.SCHED_ACT:
    case P.XDP:
      return CONNECTIONS;
    case P.STRUCT_OPS: {
      const { attach } = env;
      return attach?.btf ? (STRUCT_OPS.get(typeName(attach.btf, attach.btfId)) ?? null) : null;
    }
    default:
      return null;
  }
}

/** The program's type has rules of its own about stores to the kernel's structs (`btf_struct_access` of its operations). */
export function hasBtfWriteRules(env: Environment): boolean {
  return rulesOf(env) !== null;
}

/** A store to a struct of the kernel, where {@link hasBtfWriteRules}. */
export function checkBtfWrite(env: Environment, reg: Register, off: number, size: number): void {
  const rules = rulesOf(env)!;
  const btf = reg.btf!;
  const struct = btf.kind(reg.btfId) === BtfKind.STRUCT ? typeName(btf, reg.btfId) : "";
  switch (rules.kind) {
    case "members":
      checkMembers(env, rules, struct, off, size);
      return;
    case "parts":
      if (struct !== rules.struct || !inParts(env, rules, off, size)) throw new Rejection(Errno.EACCES, "");
      return;
    case "whole":
      if (struct !== rules.struct) {
        env.refuse(Errno.EACCES, `only access to ${rules.struct} is supported`);
      }
      if (off + size > btf.size(reg.btfId)) {
        env.refuse(Errno.EACCES, `write access at off ${off} with size ${size}`);
      }
      return;
    default:
      checkHid(env, struct, off, size);
  }
}

function inParts(env: Environment, { struct, members }: PartRules, off: number, size: number): boolean {
  return members.some((member) => {
    const place = env.request.kernel.layout.find(`${struct}.${member}`);
    return place !== null && off >= place.offset && off + size <= place.offset + place.size;
  });
}

interface Place {
  readonly start: number;
  readonly end: number;
}

function placeOf(env: Environment, path: string): Place | null {
  let start = 0;
  let size = 0;
  for (const part of path.split("+")) {
    const place = env.request.kernel.layout.find(part);
    if (place === null) return null;
    start += place.offset;
    size = place.size;
  }
  return { start, end: start + size };
}

/** The end of what a store at `off` may write; null: it may write nothing there. */
function writableEnd(env: Environment, { members, ranges }: WritableStruct, off: number): number | null {
  for (const path of members) {
    const place = placeOf(env, path);
    if (place?.start === off) return place.end;
  }
  for (const path of ranges) {
    const place = placeOf(env, path);
    if (place !== null && off >= place.start && off < place.end) return place.end;
  }
  return null;
}

function checkMembers(env: Environment, rules: MemberRules, struct: string, off: number, size: number): void {
  const writable = rules.structs.find((one) => one.struct === struct);
  if (rules === CONNECTIONS && !hasConnections(env)) throw new Rejection(Errno.EACCES, "");
  if (writable === undefined) env.refuse(Errno.EACCES, "only read is supported");
  const name = rules.name ?? struct;
  const end = writableEnd(env, writable, off);
  if (end === null) env.refuse(Errno.EACCES, `no write support to ${name} at off ${off}`);
  if (off + size > end) {
    env.refuse(
      Errno.EACCES,
      `write access at off ${off} with size ${size} beyond the member of ${name} ended at ${end}`,
    );
  }
}

/** The kernel tracks connections: else nothing answers for its structs. */
function hasConnections(env: Environment): boolean {
  return (env.request.kernel.btf?.findByName("nf_conn___init", BtfKind.STRUCT) ?? 0) !== 0;
}

/** Strings of a device, without their last byte, and the result of a request (`hid_bpf_ops_btf_struct_access`). */
const HID_MEMBERS: ReadonlyMap<string, readonly { readonly member: string; readonly spare: number }[]> =
  new Map([
    ["hid_bpf_ctx", [{ member: "retval", spare: 0 }]],
    [
      "hid_device",
      [
        { member: "name", spare: 1 },
        { member: "uniq", spare: 1 },
        { member: "phys", spare: 1 },
      ],
    ],
  ]);

function checkHid(env: Environment, struct: string, off: number, size: number): void {
  const { layout } = env.request.kernel;
  const members = HID_MEMBERS.get(struct);
  if (members === undefined) {
    env.refuse(Errno.EACCES, "write access to this struct is not supported");
  }
  if (off + size > layout.sizeOf(struct)) {
    env.refuse(Errno.EACCES, `write access for struct ${struct} at off ${off} with size ${size}`);
  }
  for (const { member, spare } of members) {
    const place = layout.find(`${struct}.${member}`);
    if (place !== null && off >= place.offset && off + size <= place.offset + place.size - spare) return;
  }
  env.refuse(Errno.EACCES, `write access at off ${off} with size ${size} on read-only part of ${struct}`);
}
