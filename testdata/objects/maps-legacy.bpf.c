// SPDX-License-Identifier: MIT
// build: - clang -mcpu=v2
// build: nodebug clang -mcpu=v2 -g0
// The `maps` section of old: struct bpf_map_def, five 32-bit numbers, known by their symbols.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct bpf_map_def {
	unsigned int type;
	unsigned int key_size;
	unsigned int value_size;
	unsigned int max_entries;
	unsigned int map_flags;
};

struct bpf_map_def SEC("maps") counts = {
	.type = BPF_MAP_TYPE_HASH,
	.key_size = sizeof(int),
	.value_size = sizeof(long),
	.max_entries = 10,
	.map_flags = BPF_F_NO_PREALLOC,
};

struct bpf_map_def SEC("maps") slots = {
	.type = BPF_MAP_TYPE_ARRAY,
	.key_size = sizeof(int),
	.value_size = 32,
	.max_entries = 3,
};

SEC("socket") int program(struct __sk_buff *skb)
{
	int key = 1;

	return bpf_map_lookup_elem(&counts, &key) != bpf_map_lookup_elem(&slots, &key);
}

char LICENSE[] SEC("license") = "GPL";
