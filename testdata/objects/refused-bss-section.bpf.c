// SPDX-License-Identifier: MIT
// A .bss section with a name of its own, which libbpf has never taken (only .data.NAME and .rodata.NAME).
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

int counters[8] SEC(".bss.counters");

SEC("socket") int program(struct __sk_buff *skb) { return counters[skb->len & 7]++; }

char LICENSE[] SEC("license") = "GPL";
