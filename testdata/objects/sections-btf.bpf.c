// SPDX-License-Identifier: MIT
// Section names of program types that attach to something named by the kernel's BTF, with their sleepable forms.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define PROGRAM(name, section) \
	SEC(section) int name(unsigned long long *ctx) { return 0; }

PROGRAM(on_tp_btf, "tp_btf/sched_switch")
PROGRAM(on_fentry, "fentry/do_unlinkat")
PROGRAM(on_fentry_sleepable, "fentry.s/do_unlinkat")
PROGRAM(on_fentry_module, "fentry/veth:veth_open")
PROGRAM(on_fexit, "fexit/do_unlinkat")
PROGRAM(on_fexit_sleepable, "fexit.s/do_unlinkat")
PROGRAM(on_fmod_ret, "fmod_ret/security_file_open")
PROGRAM(on_fmod_ret_sleepable, "fmod_ret.s/security_file_open")
PROGRAM(on_lsm, "lsm/file_open")
PROGRAM(on_lsm_sleepable, "lsm.s/file_open")
PROGRAM(on_lsm_cgroup, "lsm_cgroup/socket_bind")
PROGRAM(on_iter, "iter/task")
PROGRAM(on_iter_sleepable, "iter.s/task")
PROGRAM(replacement, "freplace/classify")

char LICENSE[] SEC("license") = "GPL";
