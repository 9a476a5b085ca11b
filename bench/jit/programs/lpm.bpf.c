// SPDX-License-Identifier: MIT
// Eight longest-prefix lookups among IPv4 networks.
#include "program.h"

struct network { __u32 bits; __u32 address; };

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 1024);
	__type(key, struct network);
	__type(value, __u32);
	__uint(map_flags, BPF_F_NO_PREALLOC);
} entries SEC(".maps");

SEC("xdp") int program(struct xdp_md *ctx)
{
	PACKET(packet, 64);
	__u32 result = 0;

	ROLLED
	for (int i = 0; i < 8; i++) {
		struct network key = { .bits = 32, .address = ((__u32 *)packet)[i] };
		__u32 *route = bpf_map_lookup_elem(&entries, &key);

		result = result * 31 + (route ? *route : 1);
	}
	return result;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
