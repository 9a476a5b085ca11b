// SPDX-License-Identifier: MIT
// __ksym externs: typeless (an address from kallsyms), typed (a BTF variable), per-CPU, weak ones that are missing,
// and kernel functions (kfuncs), weak and strong.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct rq { int cpu; } __attribute__((preserve_access_index));
struct task_struct;

extern const void init_task __ksym;
extern const void no_such_symbol __ksym __weak;
extern const struct rq runqueues __ksym;
extern const int bpf_prog_active __ksym __weak;

extern struct task_struct *bpf_task_from_pid(int pid) __ksym;
extern void bpf_task_release(struct task_struct *task) __ksym;
extern int no_such_kfunc(int a) __ksym __weak;

__u64 address;
int cpu;
int active;

SEC("raw_tp/sys_enter") int variables(void *ctx)
{
	struct rq *rq = (struct rq *)bpf_per_cpu_ptr(&runqueues, 0);

	address = (__u64)&init_task;
	if (&no_such_symbol)
		address = 0;
	if (rq)
		cpu = rq->cpu;
	if (&bpf_prog_active)
		active = *(int *)bpf_this_cpu_ptr(&bpf_prog_active);
	return 0;
}

SEC("syscall") int functions(void *ctx)
{
	struct task_struct *task = bpf_task_from_pid(1);

	if (no_such_kfunc)
		return no_such_kfunc(1);
	if (!task)
		return 1;
	bpf_task_release(task);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
