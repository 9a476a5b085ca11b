// SPDX-License-Identifier: MIT
// A chain of tail calls: eight programs, each of which looks at a word of the packet.
#include "program.h"

int step1(struct xdp_md *ctx);
int step2(struct xdp_md *ctx);
int step3(struct xdp_md *ctx);
int step4(struct xdp_md *ctx);
int step5(struct xdp_md *ctx);
int step6(struct xdp_md *ctx);
int step7(struct xdp_md *ctx);
int step8(struct xdp_md *ctx);

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 16);
	__uint(key_size, sizeof(__u32));
	__array(values, int(struct xdp_md *));
} steps SEC(".maps") = {
	.values = {
		[1] = (void *)&step1, [2] = (void *)&step2, [3] = (void *)&step3, [4] = (void *)&step4,
		[5] = (void *)&step5, [6] = (void *)&step6, [7] = (void *)&step7, [8] = (void *)&step8,
	},
};

/* The last one finds nothing to go on to. */
#define STEP(number)                                                  \
	SEC("xdp") int step##number(struct xdp_md *ctx)               \
	{                                                             \
		PACKET(packet, 64);                                   \
		__u32 word = ((__u32 *)packet)[number];               \
                                                                      \
		if (word & 1)                                         \
			bpf_tail_call(ctx, &steps, number + 1);       \
		return number << 16 | (word & 0xffff);                \
	}

STEP(1)
STEP(2)
STEP(3)
STEP(4)
STEP(5)
STEP(6)
STEP(7)
STEP(8)

SEC("xdp") int program(struct xdp_md *ctx)
{
	bpf_tail_call(ctx, &steps, 1);
	return 1;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
