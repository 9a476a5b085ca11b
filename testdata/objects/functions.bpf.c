// SPDX-License-Identifier: MIT
// Calls between BPF functions: static and global ones in .text used by several programs, one that calls another,
// a weak and a hidden one, and a program that calls none.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

static __noinline int leaf(int a) { return a * 3 + bpf_get_prandom_u32(); }
static __noinline int middle(int a, int b) { return leaf(a) - leaf(b); }
__noinline int global_function(struct __sk_buff *skb, int a) { return middle(skb->len, a); }
__weak __noinline int weak_function(int a) { return a + (int)bpf_ktime_get_ns(); }
__hidden __noinline int hidden_function(int a) { return leaf(a) + 1; }

SEC("socket") int first(struct __sk_buff *skb) { return global_function(skb, 1); }
SEC("socket") int second(struct __sk_buff *skb) { return middle(skb->len, 2) + weak_function(3); }
SEC("tc") int third(struct __sk_buff *skb) { return hidden_function(skb->len); }
SEC("tc") int alone(struct __sk_buff *skb) { return 0; }

char LICENSE[] SEC("license") = "GPL";
