// SPDX-License-Identifier: MIT
// 32-bit arithmetic: four lanes of a hash with multiplications and rotations.
#include "program.h"

#define ROUNDS 32
#define P1 0x9e3779b1u
#define P2 0x85ebca77u

static __always_inline __u32 lane(__u32 sum, __u32 input)
{
	return rotate32(sum + input * P2, 13) * P1;
}

SEC("xdp") int program(struct xdp_md *ctx)
{
	PACKET(packet, ROUNDS * 16);
	__u32 *word = (__u32 *)packet;
	__u32 a = P1 + P2, b = P2, c = 0, d = -P1;

	ROLLED
	for (int i = 0; i < ROUNDS; i++) {
		a = lane(a, word[4 * i]);
		b = lane(b, word[4 * i + 1]);
		c = lane(c, word[4 * i + 2]);
		d = lane(d, word[4 * i + 3]);
	}
	__u32 hash = rotate32(a, 1) + rotate32(b, 7) + rotate32(c, 12) + rotate32(d, 18);

	hash ^= hash >> 15;
	hash *= P2;
	return hash ^ hash >> 13;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
