// SPDX-License-Identifier: MIT
// build: - clang -mcpu=v2 -g0
// iproute2's maps: struct bpf_elf_map in the section `maps`, with ids for tail calls and inner maps.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct bpf_elf_map {
	__u32 type;
	__u32 size_key;
	__u32 size_value;
	__u32 max_elem;
	__u32 flags;
	__u32 id;
	__u32 pinning;
	__u32 inner_id;
	__u32 inner_idx;
};

struct bpf_elf_map SEC("maps") jumps = {
	.type = BPF_MAP_TYPE_PROG_ARRAY,
	.size_key = 4,
	.size_value = 4,
	.max_elem = 2,
	.id = 1,
};

struct bpf_elf_map SEC("maps") shared = {
	.type = BPF_MAP_TYPE_ARRAY,
	.size_key = 4,
	.size_value = 8,
	.max_elem = 16,
	.id = 2,
	.pinning = 2, /* PIN_GLOBAL_NS */
	.inner_idx = 3,
};

/* Slot 0 is one; only -1 is none. */
struct bpf_elf_map SEC("maps") first = {
	.type = BPF_MAP_TYPE_ARRAY,
	.size_key = 4,
	.size_value = 8,
	.max_elem = 16,
	.id = 2,
	.inner_idx = 0,
};

struct bpf_elf_map SEC("maps") unplaced = {
	.type = BPF_MAP_TYPE_ARRAY,
	.size_key = 4,
	.size_value = 8,
	.max_elem = 16,
	.id = 2,
	.inner_idx = -1,
};

struct bpf_elf_map SEC("maps") outer = {
	.type = BPF_MAP_TYPE_ARRAY_OF_MAPS,
	.size_key = 4,
	.size_value = 4,
	.max_elem = 4,
	.inner_id = 2,
	.pinning = 1, /* PIN_OBJECT_NS */
};

/* iproute2 puts the program of section ID/SLOT into that slot of the program array with this id. */
SEC("1/0") int slot(struct __sk_buff *skb) { return 7; }

SEC("classifier") int program(struct __sk_buff *skb)
{
	int key = 0;

	bpf_tail_call(skb, &jumps, 0);
	return bpf_map_lookup_elem(&shared, &key) != bpf_map_lookup_elem(&outer, &key);
}

char LICENSE[] SEC("license") = "GPL";
