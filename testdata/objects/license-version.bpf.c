// SPDX-License-Identifier: MIT
// A licence that is not GPL-compatible, and the `version` section that old kernels wanted for kprobes (6.18.0).
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("socket") int program(struct __sk_buff *skb) { return 0; }

char my_licence[] SEC("license") = "Proprietary";
unsigned int my_version SEC("version") = 0x061200;
