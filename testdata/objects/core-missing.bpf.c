// SPDX-License-Identifier: MIT
// A field that no kernel has, read and not asked for first: the program is refused wherever it is loaded.
#include <linux/bpf.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

struct task_struct {
	int nope;
} __attribute__((preserve_access_index));

SEC("kprobe/x") int missing(void *ctx)
{
	struct task_struct *task = (void *)bpf_get_current_task();

	return BPF_CORE_READ(task, nope);
}

char LICENSE[] SEC("license") = "GPL";
