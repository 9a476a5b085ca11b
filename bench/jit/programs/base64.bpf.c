// SPDX-License-Identifier: MIT
// Decodes base64 into a buffer on the stack, and mixes what came out.
#include "program.h"

#define GROUPS 24

/* The six bits of a character; 64 and more where it is none. */
static __always_inline __u32 bits(__u8 byte)
{
	if (byte >= 'a')
		return byte <= 'z' ? byte - 'a' + 26 : 64;
	if (byte >= 'A')
		return byte <= 'Z' ? byte - 'A' : 64;
	if (byte >= '0')
		return byte <= '9' ? byte - '0' + 52 : 64;
	return byte == '+' ? 62 : byte == '/' ? 63 : 64;
}

SEC("xdp") int program(struct xdp_md *ctx)
{
	PACKET(packet, 4 * GROUPS);
	/* By way of memory the verifier forgets which ranges they came from. */
	__u8 six[4 * GROUPS], out[3 * GROUPS];
	__u32 result = 0;

	ROLLED
	for (int i = 0; i < 4 * GROUPS; i++)
		six[i] = bits(packet[i]);
	ROLLED
	for (int i = 0; i < GROUPS; i++) {
		__u8 a = six[4 * i], b = six[4 * i + 1], c = six[4 * i + 2], d = six[4 * i + 3];

		if ((a | b | c | d) & 64)
			return i;
		out[3 * i] = a << 2 | b >> 4;
		out[3 * i + 1] = b << 4 | c >> 2;
		out[3 * i + 2] = c << 6 | d;
	}
	ROLLED
	for (int i = 0; i < 3 * GROUPS; i++)
		result = result * 31 + out[i];
	return result;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
