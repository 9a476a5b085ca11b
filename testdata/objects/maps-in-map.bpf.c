// SPDX-License-Identifier: MIT
// Maps of maps: the inner map by a named and by an anonymous struct, and slots filled at load time.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct inner {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, __u64);
};

struct inner first SEC(".maps"), second SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 4);
	__type(key, __u32);
	__array(values, struct inner);
} outer SEC(".maps") = {
	.values = { [0] = &first, [3] = &second },
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH_OF_MAPS);
	__uint(max_entries, 8);
	__type(key, __u32);
	__array(values, struct {
		__uint(type, BPF_MAP_TYPE_HASH);
		__uint(max_entries, 5);
		__type(key, int);
		__type(value, int);
	});
} by_number SEC(".maps");

SEC("socket") int program(struct __sk_buff *skb)
{
	__u32 key = 3;
	void *map = bpf_map_lookup_elem(&outer, &key);
	__u64 *value;

	if (!map)
		return 0;
	key = 1;
	value = bpf_map_lookup_elem(map, &key);
	return value ? *value : bpf_map_lookup_elem(&by_number, &key) != 0;
}

char LICENSE[] SEC("license") = "GPL";
