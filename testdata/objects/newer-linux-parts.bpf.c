// SPDX-License-Identifier: MIT
// What came after Linux 6.1, and keeps a whole object from being loaded there: a map of a newer type, kernel functions.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, 33 /* BPF_MAP_TYPE_ARENA */);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__uint(map_extra, 0x10000000);
} pages SEC(".maps");

extern void bpf_rcu_read_lock(void) __ksym;
extern void bpf_rcu_read_unlock(void) __ksym;

SEC("tc") int function(struct __sk_buff *skb)
{
	bpf_rcu_read_lock();
	bpf_rcu_read_unlock();
	return 0;
}

SEC("tc") int map(struct __sk_buff *skb)
{
	void *arena = &pages;

	asm volatile("" : "+r"(arena));
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
