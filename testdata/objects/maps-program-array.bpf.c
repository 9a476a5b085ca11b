// SPDX-License-Identifier: MIT
// A program array whose slots are filled at load time, and tail calls through it.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

int two(struct __sk_buff *skb);
int five(struct __sk_buff *skb);

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 8);
	__uint(key_size, sizeof(__u32));
	__array(values, int(struct __sk_buff *));
} jumps SEC(".maps") = {
	.values = { [2] = (void *)&two, [5] = (void *)&five },
};

SEC("socket") int two(struct __sk_buff *skb)
{
	bpf_tail_call(skb, &jumps, 5);
	return 2;
}

SEC("socket") int five(struct __sk_buff *skb) { return 5; }

SEC("socket") int entry(struct __sk_buff *skb)
{
	bpf_tail_call(skb, &jumps, 2);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
