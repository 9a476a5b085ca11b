// SPDX-License-Identifier: MIT
// Sorts sixteen numbers on the stack, by exchanging neighbours.
#include "program.h"

#define COUNT 16

SEC("xdp") int program(struct xdp_md *ctx)
{
	PACKET(packet, 2 * COUNT);
	__u16 numbers[COUNT];
	__u32 result = 0;

	for (int i = 0; i < COUNT; i++)
		numbers[i] = ((__u16 *)packet)[i];
	ROLLED
	for (int last = COUNT - 1; last > 0; last--) {
		ROLLED
		for (int i = 0; i < last; i++) {
			__u16 left = numbers[i], right = numbers[i + 1];

			if (left > right) {
				numbers[i] = right;
				numbers[i + 1] = left;
			}
		}
	}
	ROLLED
	for (int i = 0; i < COUNT; i++)
		result = result * 31 + numbers[i];
	return result;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
