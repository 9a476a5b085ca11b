// SPDX-License-Identifier: MIT
// CO-RE flavours: several local views of one kernel struct, told apart by ___suffix; the old view's field is gone.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

#define PRESERVED __attribute__((preserve_access_index))
struct task_struct { unsigned int __state; int pid; } PRESERVED;
struct task_struct___before_5_14 { long state; } PRESERVED;
struct task_struct___renamed { int pid; char comm[16]; } PRESERVED;

long state;
int pid;

SEC("raw_tp/sched_switch") int program(struct bpf_raw_tracepoint_args *ctx)
{
	struct task_struct *task = (void *)ctx->args[1];
	struct task_struct___before_5_14 *old = (void *)task;
	struct task_struct___renamed *renamed = (void *)task;

	if (bpf_core_field_exists(task->__state))
		state = BPF_CORE_READ(task, __state);
	else
		state = BPF_CORE_READ(old, state);
	pid = BPF_CORE_READ(renamed, pid);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
