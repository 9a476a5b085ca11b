// SPDX-License-Identifier: MIT
// Counts in an array: thirty-two lookups and additions.
#include "program.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, __u64);
} entries SEC(".maps");

SEC("xdp") int program(struct xdp_md *ctx)
{
	PACKET(packet, 128);
	__u32 result = 0;

	ROLLED
	for (int i = 0; i < 32; i++) {
		__u32 key = ((__u32 *)packet)[i] & 1023;
		__u64 *value = bpf_map_lookup_elem(&entries, &key);

		if (value) {
			*value += 1;
			result += key;
		}
	}
	return result;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
