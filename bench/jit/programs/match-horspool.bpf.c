// SPDX-License-Identifier: MIT
// Looks for the packet's first eight bytes in its rest, with a table on the stack that says how far to go on (Horspool).
#include "program.h"

#define NEEDLE 8
#define LENGTH 512

SEC("xdp") int program(struct xdp_md *ctx)
{
	PACKET(packet, NEEDLE + LENGTH);
	__u8 *text = packet + NEEDLE, *end = (__u8 *)(long)ctx->data_end;
	/* By the low seven bits of a character: those that share them go on by the least of both. */
	__u8 skip[128];
	__u32 at = 0;

	for (int i = 0; i < 16; i++)
		((__u64 *)skip)[i] = 0x0808080808080808ull;
	ROLLED
	for (int i = 0; i < NEEDLE - 1; i++)
		skip[packet[i] & 127] = NEEDLE - 1 - i;
	ROLLED
	for (int turn = 0; turn < 256; turn++) {
		__u8 *window = text + (at & 1023);

		if (window + NEEDLE > end)
			break;
		if (*(__u64 *)window == *(__u64 *)packet)
			return turn << 16 | at;
		at += skip[window[NEEDLE - 1] & 127] & 15;
	}
	return ~0;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
