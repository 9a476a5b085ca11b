// SPDX-License-Identifier: MIT
// Nothing: what it takes to run a program at all.
#include "program.h"

SEC("xdp") int program(struct xdp_md *ctx)
{
	return 2;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
