// SPDX-License-Identifier: MIT
// __ksym externs: typeless (an address from kallsyms), typed (a BTF variable), per-CPU, weak ones.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct rq { int cpu; } __attribute__((preserve_access_index));

extern const void vfs_read __ksym;
extern const void no_such_symbol __ksym __weak;
extern const struct rq runqueues __ksym;
extern const int bpf_prog_active __ksym __weak;

__u64 address;
int cpu;
int active;

SEC("raw_tp/sys_enter") int variables(void *ctx)
{
	struct rq *rq = (struct rq *)bpf_per_cpu_ptr(&runqueues, 0);

	address = (__u64)&vfs_read;
	if (&no_such_symbol)
		address = 0;
	if (rq)
		cpu = rq->cpu;
	if (&bpf_prog_active)
		active = *(int *)bpf_this_cpu_ptr(&bpf_prog_active);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
