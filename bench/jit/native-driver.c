/* SPDX-License-Identifier: MIT */
/* A program of this benchmark as the machine's own code, in a shared object: `run` calls it on a packet so often. */
#include SOURCE

/* Nobody knows what is called here: no call is left out, or merged with another. */
static int (*volatile entry)(struct xdp_md *ctx) = program;

__attribute__((visibility("default"))) unsigned run(unsigned char *packet, unsigned length, unsigned count)
{
	struct xdp_md ctx = { (unsigned long)packet, (unsigned long)packet + length };
	unsigned result = 0;

	for (unsigned i = 0; i < count; i++) {
		result = entry(&ctx);
		__asm__ volatile("" ::: "memory");
	}
	return result;
}
