import { prototype } from "../prototype.ts";

/** Sysctls and return values of cgroup hooks. */
export const CGROUP_PROTOTYPES = {
  bpf_sysctl_get_name: prototype("sysctl_get_name", ["ctx", "inOut", "size", "any"]),
  bpf_sysctl_get_current_value: prototype("sysctl_get_current_value", ["ctx", "out", "size"]),
  bpf_sysctl_get_new_value: prototype("sysctl_get_new_value", ["ctx", "out", "size"]),
  bpf_sysctl_set_new_value: prototype("sysctl_set_new_value", ["ctx", "mem", "size"]),
  bpf_get_retval: prototype("get_retval", []),
  bpf_set_retval: prototype("set_retval", ["any"]),
};
