// SPDX-License-Identifier: MIT
// bpf_loop: a callback with a context on the stack.
#include "program.h"

struct sums { __u64 state; __u32 odd; __u32 even; };

static long step(__u32 index, void *context)
{
	struct sums *sums = context;

	sums->state = sums->state * 6364136223846793005ull + index;
	if (sums->state >> 33 & 1)
		sums->odd++;
	else
		sums->even += index;
	return sums->odd > 1000;
}

SEC("xdp") int program(struct xdp_md *ctx)
{
	PACKET(packet, 64);
	struct sums sums = { .state = *(__u64 *)packet };

	bpf_loop(64, step, &sums, 0);
	return sums.state >> 32 ^ sums.odd << 16 ^ sums.even;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
