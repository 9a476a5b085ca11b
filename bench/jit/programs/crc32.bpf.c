// SPDX-License-Identifier: MIT
// A cyclic redundancy check bit by bit: 32-bit shifts, with a product instead of a branch (and
// instead of a mask, of which the verifier would follow both values).
#include "program.h"

SEC("xdp") int program(struct xdp_md *ctx)
{
	PACKET(packet, 64);
	__u32 crc = ~0u;

	ROLLED
	for (int i = 0; i < 64; i++) {
		crc ^= packet[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ 0xedb88320u * OPAQUE(crc & 1);
	}
	return ~crc;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
