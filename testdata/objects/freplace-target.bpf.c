// SPDX-License-Identifier: MIT
// What the freplace program of sections-btf replaces: a global function of a classifier.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

__noinline int classify(struct __sk_buff *skb) { return skb->len > 100; }

SEC("tc") int program(struct __sk_buff *skb) { return classify(skb); }

char LICENSE[] SEC("license") = "GPL";
