// SPDX-License-Identifier: MIT
// Looks for a string in the packet, at one place after the other.
#include "program.h"

#define LENGTH 256

const volatile char needle[8] = "needle42";

SEC("xdp") int program(struct xdp_md *ctx)
{
	PACKET(packet, LENGTH);

	ROLLED
	for (int i = 0; i <= LENGTH - 8; i++) {
		int same = 0;

		ROLLED
		while (same < 8 && packet[i + same] == needle[same])
			same++;
		if (same == 8)
			return i + 1;
	}
	return 0;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
