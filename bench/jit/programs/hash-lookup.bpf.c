// SPDX-License-Identifier: MIT
// Sixteen lookups in a hash map with keys of eight bytes, half of which are there.
#include "program.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u64);
	__type(value, __u64);
} entries SEC(".maps");

SEC("xdp") int program(struct xdp_md *ctx)
{
	PACKET(packet, 64);
	__u64 result = 0;

	ROLLED
	for (int i = 0; i < 16; i++) {
		__u64 key = ((__u32 *)packet)[i] & 2047;
		__u64 *value = bpf_map_lookup_elem(&entries, &key);

		result = result * 3 + (value ? *value : 1);
	}
	return result;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
