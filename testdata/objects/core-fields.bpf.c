// SPDX-License-Identifier: MIT
// CO-RE field relocations: offset (also through pointers, arrays and nested anonymous members), size, existence,
// signedness; direct loads of every width that get resized.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct list_head { struct list_head *next, *prev; };
struct mm_struct { unsigned long start_code; };
struct task_struct {
	int pid;
	int tgid;
	char comm[16];
	struct task_struct *group_leader;
	struct mm_struct *mm;
	struct list_head tasks;
	unsigned int flags;
	int no_such_field;
};
#pragma clang attribute pop

__u64 out[16];

SEC("raw_tp/sys_enter") int program(void *ctx)
{
	struct task_struct *task = (void *)bpf_get_current_task();

	out[0] = BPF_CORE_READ(task, pid);
	out[1] = BPF_CORE_READ(task, group_leader, tgid);
	out[2] = BPF_CORE_READ(task, mm, start_code);
	out[3] = bpf_core_field_offset(task->comm);
	out[4] = bpf_core_field_offset(task->tasks.prev);
	out[5] = bpf_core_field_offset(task->comm[3]);
	out[6] = bpf_core_field_size(task->comm);
	out[7] = bpf_core_field_exists(task->no_such_field);
	out[8] = bpf_core_field_exists(task->flags);
	out[9] = __builtin_preserve_field_info(task->pid, BPF_FIELD_SIGNED);
	out[10] = __builtin_preserve_field_info(task->flags, BPF_FIELD_SIGNED);
	if (bpf_core_field_exists(task->no_such_field))
		out[11] = BPF_CORE_READ(task, no_such_field);
	bpf_core_read_str(&out[12], 16, &task->comm);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
