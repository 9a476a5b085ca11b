// SPDX-License-Identifier: MIT
// Shifts and exclusive ors that wait for one another: a pseudo-random sequence, seeded by the packet.
#include "program.h"

SEC("xdp") int program(struct xdp_md *ctx)
{
	PACKET(packet, 64);
	__u64 state = *(__u64 *)packet | 1;
	__u64 sum = 0;

	ROLLED
	for (int i = 0; i < 96; i++) {
		state ^= state << 13;
		state ^= state >> 7;
		state ^= state << 17;
		sum += state * 0x2545f4914f6cdd1dull;
	}
	return sum ^ sum >> 32;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
