import { BpfAttachType as A } from "../../uapi/index.ts";
import type { FieldRewrite, StructContext } from "./context.ts";
import { DWORD, field, member, NARROW, PACKET, PACKET_END, SOCKET, structContext, WORD } from "./field.ts";

const NONE: FieldRewrite = { kind: "none" };

/** `cgroup_dev_is_valid_access`; programs see the kernel's struct itself. */
export const CGROUP_DEVICE_CONTEXT: StructContext = structContext(
  "bpf_cgroup_dev_ctx",
  "bpf_cgroup_dev_ctx",
  [field("access_type", NARROW, NONE), field("major", WORD, NONE), field("minor", WORD, NONE)],
  {},
);

/** `sysctl_is_valid_access`, `sysctl_convert_ctx_access` */
export const CGROUP_SYSCTL_CONTEXT: StructContext = structContext(
  "bpf_sysctl",
  "bpf_sysctl_kern",
  [
    field("write", NARROW, member("bpf_sysctl_kern.write", "own")),
    field("file_pos", NARROW, {
      kind: "follow",
      pointers: ["bpf_sysctl_kern.ppos"],
      path: "",
      size: "own",
      temporary: "bpf_sysctl_kern.tmp_reg",
    }),
  ],
  { writable: ["file_pos"] },
);

const GET = { attachTypes: [A.CGROUP_GETSOCKOPT] };
const SET = { attachTypes: [A.CGROUP_SETSOCKOPT] };

function sockopt(name: string): FieldRewrite {
  return member(`bpf_sockopt_kern.${name}`);
}

/** `cg_sockopt_is_valid_access`, `cg_sockopt_convert_ctx_access` */
export const CGROUP_SOCKOPT_CONTEXT: StructContext = structContext(
  "bpf_sockopt",
  "bpf_sockopt_kern",
  [
    field("sk", DWORD, sockopt("sk"), SOCKET),
    field("optval", DWORD, sockopt("optval"), PACKET),
    field("optval_end", DWORD, sockopt("optval_end"), PACKET_END),
    field("level", WORD, sockopt("level")),
    field("optname", WORD, sockopt("optname")),
    field("optlen", WORD, sockopt("optlen")),
    field("retval", WORD, {
      kind: "follow",
      pointers: ["bpf_sockopt_kern.current_task", "task_struct.bpf_ctx"],
      path: "bpf_cg_run_ctx.retval",
      size: "member",
      temporary: "bpf_sockopt_kern.tmp_reg",
    }),
  ],
  {
    readableIf: { retval: GET },
    writable: ["optlen"],
    writableIf: { retval: GET, level: SET, optname: SET },
  },
);
