// SPDX-License-Identifier: MIT
// The same sums, each word put together from its bytes with shifts and ors.
#include "program.h"

#define ETH 14
#define IP 20
#define SEGMENT 256

static __always_inline __u32 folded(__u32 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	return (__u16)~((sum & 0xffff) + (sum >> 16));
}

SEC("xdp") int program(struct xdp_md *ctx)
{
	PACKET(packet, ETH + IP + SEGMENT);
	__u8 *ip = packet + ETH, *segment = ip + IP;
	__u32 header = 0;
	__u64 sum = 6 + SEGMENT;

	ROLLED
	for (int i = 0; i < IP; i += 2)
		header += half_at(ip + i);
	sum += word_at(ip + 12);
	sum += word_at(ip + 16);
	ROLLED
	for (int i = 0; i < SEGMENT; i += 4)
		sum += word_at(segment + i);
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	return folded(header) << 16 | folded(sum);
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
