// SPDX-License-Identifier: MIT
// CO-RE on direct loads and stores through BTF pointers: LDX of each width, an address by ALU, and a context.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

#define PRESERVED __attribute__((preserve_access_index))
struct task_struct {
	unsigned short migration_disabled;
	int prio;
	unsigned long long start_time;
	unsigned char comm[16];
	struct task_struct *real_parent;
} PRESERVED;
struct __sk_buff___local { __u32 mark; __u32 len; } PRESERVED;

__u64 out[6];

SEC("tp_btf/sched_switch") int by_pointer(unsigned long long *ctx)
{
	struct task_struct *task = (void *)ctx[1];

	out[0] = task->migration_disabled;
	out[1] = task->prio;
	out[2] = task->start_time;
	out[3] = task->comm[2];
	out[4] = task->real_parent->prio;
	return 0;
}

SEC("tc") int by_context(struct __sk_buff___local *skb)
{
	skb->mark = skb->len;
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
