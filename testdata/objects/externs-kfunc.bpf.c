// SPDX-License-Identifier: MIT
// Kernel functions (kfuncs): __ksym externs that are called, strong, and weak ones that are missing or present.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct task_struct { int pid; } __attribute__((preserve_access_index));

extern struct task_struct *bpf_task_from_pid(int pid) __ksym;
extern void bpf_task_release(struct task_struct *task) __ksym;
extern void bpf_rcu_read_lock(void) __ksym __weak;
extern void bpf_rcu_read_unlock(void) __ksym __weak;
extern int no_such_kfunc(int a) __ksym __weak;

SEC("syscall") int program(void *ctx)
{
	struct task_struct *task = bpf_task_from_pid(1);

	if (no_such_kfunc)
		no_such_kfunc(1);
	if (bpf_rcu_read_lock && bpf_rcu_read_unlock) {
		bpf_rcu_read_lock();
		bpf_rcu_read_unlock();
	}
	if (!task)
		return 1;
	bpf_task_release(task);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
