// SPDX-License-Identifier: MIT
// Decodes hexadecimal digits into 32-bit words without a branch.
#include "program.h"

static __always_inline __u32 nibble(__u8 byte)
{
	return (byte & 15) + 9 * (byte >> 6);
}

SEC("xdp") int program(struct xdp_md *ctx)
{
	PACKET(packet, 256);
	__u32 sum = 0;

	ROLLED
	for (int i = 0; i < 256; i += 8) {
		__u32 word = 0;

		for (int j = 0; j < 8; j++)
			word = word << 4 | nibble(packet[i + j]);
		sum = rotate32(sum, 3) ^ word;
	}
	return sum;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
