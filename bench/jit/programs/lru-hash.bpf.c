// SPDX-License-Identifier: MIT
// Eight lookups in an LRU hash map; a flow that is not there is inserted.
#include "program.h"

struct flow { __u32 source; __u32 destination; __u32 ports; };

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct flow);
	__type(value, __u64);
} entries SEC(".maps");

SEC("xdp") int program(struct xdp_md *ctx)
{
	PACKET(packet, 64);
	__u32 result = 0;

	ROLLED
	for (int i = 0; i < 8; i++) {
		struct flow flow = { .source = ((__u32 *)packet)[i], .destination = i, .ports = 443 };
		__u64 *packets = bpf_map_lookup_elem(&entries, &flow);

		if (packets) {
			*packets += 1;
			result += *packets;
		} else {
			__u64 one = 1;

			bpf_map_update_elem(&entries, &flow, &one, BPF_NOEXIST);
			result ^= flow.source;
		}
	}
	return result;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
