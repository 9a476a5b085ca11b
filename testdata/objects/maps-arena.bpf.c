// SPDX-License-Identifier: MIT
// An arena whose user address nobody gives: the loader maps it before it loads programs.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, 33 /* BPF_MAP_TYPE_ARENA */);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 100);
} arena SEC(".maps");

extern void *bpf_arena_alloc_pages(void *map, void *address, __u32 pages, int node, __u64 flags) __ksym;

SEC("syscall")
int allocate(void *context)
{
	return bpf_arena_alloc_pages(&arena, 0, 1, -1, 0) ? 7 : 1;
}

char LICENSE[] SEC("license") = "GPL";
