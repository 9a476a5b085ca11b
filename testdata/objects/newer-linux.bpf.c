// SPDX-License-Identifier: MIT
// What came after Linux 6.1: a helper and a type of programs; and a program that asks for nothing of it.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} counts SEC(".maps");

static void *(*const newer_helper)(void *map, void *cgroup, void *value, __u64 flags) = (void *)210;

SEC("tc") int old(struct __sk_buff *skb)
{
	__u32 key = 0;
	__u64 *count = bpf_map_lookup_elem(&counts, &key);

	if (count)
		*count += skb->len;
	return 0;
}

SEC("tc") int helper(struct __sk_buff *skb)
{
	return newer_helper(&counts, skb, 0, 0) != 0;
}

SEC("netfilter") int type(void *ctx)
{
	return 1;
}

char LICENSE[] SEC("license") = "GPL";
