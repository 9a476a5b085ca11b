// SPDX-License-Identifier: MIT
// Atomic operations on global data: add, fetch and add, or, exchange, and a maximum by compare and exchange.
#include "program.h"

__u64 counter;
__u64 total;
__u64 seen;
__u64 last;
__u64 most;

SEC("xdp") int program(struct xdp_md *ctx)
{
	PACKET(packet, 64);
	__u32 result = 0;

	ROLLED
	for (int i = 0; i < 8; i++) {
		__u64 word = ((__u32 *)packet)[i];

		__sync_fetch_and_add(&counter, 1);
		result += __sync_fetch_and_add(&total, word);
		__sync_fetch_and_or(&seen, word);
		result ^= __sync_lock_test_and_set(&last, word);
		ROLLED
		for (int attempt = 0; attempt < 3; attempt++) {
			__u64 before = *(volatile __u64 *)&most;

			if (before >= word || __sync_val_compare_and_swap(&most, before, word) == before)
				break;
		}
	}
	return result;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
