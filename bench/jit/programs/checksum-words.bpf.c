// SPDX-License-Identifier: MIT
// The checksums of an IPv4 header and of its TCP segment, pseudo header included, by 16-bit words.
#include "program.h"

#define ETH 14
#define IP 20
#define SEGMENT_MAX 1024

static __always_inline __u32 folded(__u32 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	return (__u16)~((sum & 0xffff) + (sum >> 16));
}

SEC("xdp") int program(struct xdp_md *ctx)
{
	PACKET(packet, ETH + IP);
	__u8 *end = (__u8 *)(long)ctx->data_end;
	__u16 *ip = (__u16 *)(packet + ETH);
	__u16 *word = (__u16 *)(packet + ETH + IP);
	__u32 header = 0, sum = 0, i;

	for (i = 0; i < IP / 2; i++)
		header += ip[i];
	for (i = 6; i < IP / 2; i++)
		sum += ip[i];
	ROLLED
	for (i = 0; i < SEGMENT_MAX / 2; i++, word++) {
		if ((__u8 *)(word + 1) > end)
			break;
		sum += *word;
	}
	sum += (6 << 8) + ((2 * i & 0xff) << 8 | 2 * i >> 8);
	return folded(header) << 16 | folded(sum);
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
