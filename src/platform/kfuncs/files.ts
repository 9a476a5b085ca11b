import { KfuncFlag as F, kfuncSet } from "./kfunc-set.ts";

/** Files, their attributes and digests, input devices. */
export const FILE_KFUNCS = [
  kfuncSet(
    ["tracing"],
    {
      bpf_get_task_exe_file: F.ACQUIRE | F.TRUSTED_ARGS | F.RET_NULL,
      bpf_put_file: F.RELEASE,
      bpf_path_d_path: F.TRUSTED_ARGS,
      bpf_get_dentry_xattr: F.SLEEPABLE | F.TRUSTED_ARGS,
      bpf_get_file_xattr: F.SLEEPABLE | F.TRUSTED_ARGS,
      bpf_set_dentry_xattr: F.SLEEPABLE | F.TRUSTED_ARGS,
      bpf_remove_dentry_xattr: F.SLEEPABLE | F.TRUSTED_ARGS,
    },
    "hooks",
  ),
  kfuncSet(
    ["tracing"],
    {
      bpf_get_fsverity_digest: F.SLEEPABLE | F.TRUSTED_ARGS,
    },
    "hooks",
  ),
  kfuncSet(["structOps"], {
    hid_bpf_get_data: F.RET_NULL,
    hid_bpf_allocate_context: F.ACQUIRE | F.RET_NULL | F.SLEEPABLE,
    hid_bpf_release_context: F.RELEASE | F.SLEEPABLE,
    hid_bpf_hw_request: F.SLEEPABLE,
    hid_bpf_hw_output_report: F.SLEEPABLE,
    hid_bpf_input_report: F.SLEEPABLE,
    hid_bpf_try_input_report: 0,
  }),
  kfuncSet(["syscall"], {
    hid_bpf_allocate_context: F.ACQUIRE | F.RET_NULL,
    hid_bpf_release_context: F.RELEASE,
    hid_bpf_hw_request: 0,
    hid_bpf_hw_output_report: 0,
    hid_bpf_input_report: 0,
  }),
];
