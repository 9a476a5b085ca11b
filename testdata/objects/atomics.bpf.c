// SPDX-License-Identifier: MIT
// build: - clang -mcpu=v3
// Atomic operations of both widths: add, and, or, xor, with and without fetch, exchange, compare and exchange.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

__u64 wide = 1;
__u32 narrow = 1;
__u64 out[12];

SEC("socket") int program(struct __sk_buff *skb)
{
	__u64 a = skb->len;

	__sync_fetch_and_add(&wide, a);
	__sync_fetch_and_add(&narrow, (__u32)a);
	out[0] = __sync_fetch_and_add(&wide, a);
	out[1] = __sync_fetch_and_add(&narrow, (__u32)a);
	out[2] = __sync_fetch_and_and(&wide, a | 0xff);
	out[3] = __sync_fetch_and_and(&narrow, 0x7fffffff);
	out[4] = __sync_fetch_and_or(&wide, a << 8);
	out[5] = __sync_fetch_and_or(&narrow, 0x100);
	out[6] = __sync_fetch_and_xor(&wide, a << 16);
	out[7] = __sync_fetch_and_xor(&narrow, 0x55);
	out[8] = __sync_lock_test_and_set(&wide, a);
	out[9] = __sync_lock_test_and_set(&narrow, (__u32)a);
	out[10] = __sync_val_compare_and_swap(&wide, a, 5);
	out[11] = __sync_val_compare_and_swap(&narrow, (__u32)a, 6);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
