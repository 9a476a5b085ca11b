import { BpfAttachType as A } from "../../../uapi/index.ts";
import { LOCKED_SOCKOPT_HOOKS, UNLOCKED_SOCKOPT_HOOKS } from "../../functions/hooks.ts";
import { type GrantRows, plain, table, when } from "../grant.ts";
import { TRACING } from "./tracing.ts";

/** The rows of the hooks of cgroups, for those LSM programs that are attached to one. */
const OF_CGROUP: GrantRows = {
  get_local_storage: when({ attachTypes: [A.LSM_CGROUP] }, "bpf_get_local_storage"),
  ...plain(["get_retval", "set_retval"], { attachTypes: [A.LSM_CGROUP] }),
};

const LOCKED = { attachTypes: [A.LSM_CGROUP], targets: LOCKED_SOCKOPT_HOOKS } as const;
const UNLOCKED = { attachTypes: [A.LSM_CGROUP], targets: UNLOCKED_SOCKOPT_HOOKS } as const;

/** `bpf_lsm_func_proto` */
export const LSM = table(
  {
    ...OF_CGROUP,
    ...plain([
      "inode_storage_get",
      "inode_storage_delete",
      "sk_storage_get",
      "sk_storage_delete",
      "spin_lock",
      "spin_unlock",
      "bprm_opts_set",
      "ima_inode_hash",
      "ima_file_hash",
    ]),
    get_attach_cookie: when({ trampoline: true }, "bpf_get_attach_cookie"),
    setsockopt: [
      { ...LOCKED, prototype: "bpf_sk_setsockopt" },
      { ...UNLOCKED, prototype: "bpf_unlocked_sk_setsockopt" },
    ],
    getsockopt: [
      { ...LOCKED, prototype: "bpf_sk_getsockopt" },
      { ...UNLOCKED, prototype: "bpf_unlocked_sk_getsockopt" },
    ],
  },
  TRACING,
);
