// SPDX-License-Identifier: MIT
// Calls: static functions, one inside of the other, with pointers to the stack, and a global one.
#include "program.h"

static __noinline __u32 mixed(__u32 sum, __u32 word)
{
	return rotate32(sum ^ word, 9) * 0x9e3779b1u;
}

static __noinline void absorb(__u32 *state, __u32 word)
{
	state[0] = mixed(state[0], word);
	state[1] = mixed(state[1], ~word) + state[0];
}

__noinline __u32 finished(__u32 left, __u32 right)
{
	left ^= right >> 15;
	left *= 0x85ebca77u;
	return left ^ left >> 13;
}

SEC("xdp") int program(struct xdp_md *ctx)
{
	PACKET(packet, 64);
	__u32 state[2] = { 1, 2 }, result = 0;

	ROLLED
	for (int i = 0; i < 16; i++) {
		absorb(state, ((__u32 *)packet)[i]);
		result += finished(state[0], state[1]);
	}
	return result;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
