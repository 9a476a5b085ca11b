// SPDX-License-Identifier: MIT
// A map without a key (a queue) and a map that no program uses.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, 4);
	__type(value, __u32);
} queue SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, int);
	__type(value, int);
} unused SEC(".maps");

SEC("socket") int program(struct __sk_buff *skb)
{
	__u32 value = skb->len;

	return bpf_map_push_elem(&queue, &value, BPF_ANY);
}

char LICENSE[] SEC("license") = "GPL";
