// SPDX-License-Identifier: MIT
// Add, rotate, exclusive or on sixteen 32-bit words on the stack, as stream ciphers do.
#include "program.h"

#define STEP(a, b, c, d)                              \
	do {                                          \
		s[a] += s[b];                         \
		s[d] = rotate32(s[d] ^ s[a], 16);     \
		s[c] += s[d];                         \
		s[b] = rotate32(s[b] ^ s[c], 12);     \
		s[a] += s[b];                         \
		s[d] = rotate32(s[d] ^ s[a], 8);      \
		s[c] += s[d];                         \
		s[b] = rotate32(s[b] ^ s[c], 7);      \
	} while (0)

SEC("xdp") int program(struct xdp_md *ctx)
{
	PACKET(packet, 64);
	__u32 s[16];

	for (int i = 0; i < 16; i++)
		s[i] = ((__u32 *)packet)[i];
	ROLLED
	for (int round = 0; round < 6; round++) {
		STEP(0, 4, 8, 12);
		STEP(1, 5, 9, 13);
		STEP(2, 6, 10, 14);
		STEP(3, 7, 11, 15);
		STEP(0, 5, 10, 15);
		STEP(1, 6, 11, 12);
		STEP(2, 7, 8, 13);
		STEP(3, 4, 9, 14);
	}
	__u32 result = 0;

	for (int i = 0; i < 16; i++)
		result = rotate32(result, 1) ^ s[i];
	return result;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
