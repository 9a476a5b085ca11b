// SPDX-License-Identifier: MIT
// build: - clang -mcpu=v3
// Classic packet loads (LD_ABS, LD_IND) through LLVM's intrinsics, and direct packet access beside them.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

unsigned long long load_byte(void *skb, unsigned long long offset) asm("llvm.bpf.load.byte");
unsigned long long load_half(void *skb, unsigned long long offset) asm("llvm.bpf.load.half");
unsigned long long load_word(void *skb, unsigned long long offset) asm("llvm.bpf.load.word");

SEC("socket") int classic(struct __sk_buff *skb)
{
	return load_half(skb, 12) + load_byte(skb, 23) + load_word(skb, 14 + (load_byte(skb, 14) & 15) * 4);
}

SEC("tc") int direct(struct __sk_buff *skb)
{
	__u8 *data = (void *)(long)skb->data;

	if ((void *)(data + 14) > (void *)(long)skb->data_end)
		return 0;
	return data[12] << 8 | data[13];
}

char LICENSE[] SEC("license") = "GPL";
