// SPDX-License-Identifier: MIT
// 64-bit arithmetic: a multiplying hash over eight bytes at a time.
#include "program.h"

#define WORDS 64
#define M1 0xa24baed4963ee407ull
#define M2 0x9fb21c651e98df25ull

SEC("xdp") int program(struct xdp_md *ctx)
{
	PACKET(packet, WORDS * 8);
	__u64 hash = WORDS * M1;

	ROLLED
	for (int i = 0; i < WORDS; i++) {
		__u64 word = ((__u64 *)packet)[i];

		word *= M2;
		word ^= word >> 47;
		hash ^= word * M1;
		hash = rotate64(hash, 27) * 5 + 0x52dce729;
	}
	hash ^= hash >> 33;
	hash *= M2;
	hash ^= hash >> 29;
	return hash ^ hash >> 32;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
