/* SPDX-License-Identifier: MIT */
/*
 * What the programs of this folder are written against: as BPF code they include Linux's headers; compiled for the
 * machine itself, they find the same names here, and no maps and helpers but bpf_loop.
 */
#pragma once

#ifdef __bpf__
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#else
#include <linux/types.h>

/* Linux's has 32-bit members that loads widen to pointers. */
struct xdp_md { unsigned long data; unsigned long data_end; };

#define SEC(name)
#undef __always_inline
#define __always_inline inline __attribute__((always_inline))
#define __noinline __attribute__((noinline))

static __always_inline long bpf_loop(__u32 count, long (*step)(__u32, void *), void *context, __u64 flags)
{
	for (__u32 i = 0; i < count; i++)
		if (step(i, context))
			return i + 1;
	return count;
}
#endif

/* Loops stay loops. */
#define ROLLED _Pragma("clang loop unroll(disable)")

/* A value of which the compiler knows nothing: arithmetic on it does not become a branch. */
#define OPAQUE(value)                                                         \
	({                                                                    \
		__typeof__(value) opaque = (value);                           \
		__asm__ volatile("" : "+r"(opaque));                          \
		opaque;                                                       \
	})

/* The packet, where it has at least `size` bytes; else the program ends with 0. */
#define PACKET(name, size)                                                    \
	__u8 *name = (__u8 *)(long)ctx->data;                                 \
	if (name + (size) > (__u8 *)(long)ctx->data_end)                      \
		return 0

static __always_inline __u32 rotate32(__u32 value, int bits)
{
	return value << bits | value >> (32 - bits);
}

static __always_inline __u64 rotate64(__u64 value, int bits)
{
	return value << bits | value >> (64 - bits);
}

/* Network order, without asking for a byte swap. */
static __always_inline __u32 word_at(const __u8 *at)
{
	return (__u32)at[0] << 24 | at[1] << 16 | at[2] << 8 | at[3];
}

static __always_inline __u16 half_at(const __u8 *at)
{
	return at[0] << 8 | at[1];
}
