// SPDX-License-Identifier: MIT
// A static map: a local symbol in .maps, which libbpf refuses.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

static struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, int);
	__type(value, int);
} map SEC(".maps");

SEC("socket") int program(struct __sk_buff *skb)
{
	int key = 0;

	return bpf_map_lookup_elem(&map, &key) != 0;
}

char LICENSE[] SEC("license") = "GPL";
