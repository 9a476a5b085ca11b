// SPDX-License-Identifier: MIT
// Eight lookups in a hash map, and an update of what was found.
#include "program.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 2048);
	__type(key, __u64);
	__type(value, __u64);
} entries SEC(".maps");

SEC("xdp") int program(struct xdp_md *ctx)
{
	PACKET(packet, 64);
	__u32 result = 0;

	ROLLED
	for (int i = 0; i < 8; i++) {
		__u64 key = ((__u32 *)packet)[i] & 1023;
		__u64 *value = bpf_map_lookup_elem(&entries, &key);
		__u64 next = value ? *value + i : 1;

		bpf_map_update_elem(&entries, &key, &next, BPF_ANY);
		result += next;
	}
	return result;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
