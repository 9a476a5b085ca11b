// SPDX-License-Identifier: MIT
// build: - clang -mcpu=v3
// build: nodebug clang -mcpu=v3 -g0
// No licence; the second build has neither BTF nor debug information.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("socket") int program(struct __sk_buff *skb) { return skb->len; }
