// SPDX-License-Identifier: MIT
// build: v1 clang -mcpu=v1
// build: v2 clang -mcpu=v2
// build: v3 clang -mcpu=v3
// build: eb clang -target bpfeb -mcpu=v3
// build: gcc gcc
// Arithmetic, comparisons of both signs and widths, 64-bit constants, byte swaps and loads of each width, as each
// instruction set version, byte order and compiler writes them.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

__u64 out[16];
volatile __s32 s32 = -5;
volatile __u8 bytes[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };

SEC("socket") int program(struct __sk_buff *skb)
{
	__u64 a = skb->len;
	__u32 b = skb->mark;
	__s64 s = s32;

	out[0] = a * 0x123456789abcdefULL;
	out[1] = a / 7 + a % 9;
	out[2] = b / (b | 1) + (b >> 3);
	out[3] = (__u64)(s >> 5);
	out[4] = (__s32)b >> 7;
#ifdef __clang__ /* gcc 12 calls functions of libgcc for these two */
	out[5] = __builtin_bswap64(a);
	out[6] = __builtin_bswap32(b);
#endif
	out[7] = __builtin_bswap16(b);
	out[8] = bytes[a & 7];
	out[9] = *(volatile __u16 *)&bytes[2];
	out[10] = ~0xffff0000ffff0000ULL ^ a;
	out[11] = -a;
	if ((__s32)b < s32)
		out[12] = 1;
	if (b > 0x80000000u)
		out[13] = 2;
	if (s <= -1000)
		out[14] = 3;
	for (__u64 i = 0; i < 10 && a != 0xdeadbeefcafeULL; i++)
		a += bytes[i & 7];
	switch (skb->protocol) {
	case 8:
		return 10;
	case 0xdd86:
		return 20;
	}
	return a;
}

char LICENSE[] SEC("license") = "GPL";
