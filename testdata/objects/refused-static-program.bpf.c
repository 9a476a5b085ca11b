// SPDX-License-Identifier: MIT
// A static function in a program section: libbpf refuses it, and calls from one program section into another.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("socket") static __noinline int beside(int a) { return a ^ (int)bpf_ktime_get_ns(); }

SEC("socket") int program(struct __sk_buff *skb) { return beside(skb->mark); }

char LICENSE[] SEC("license") = "GPL";
