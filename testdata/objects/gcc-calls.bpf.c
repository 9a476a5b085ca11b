// SPDX-License-Identifier: MIT
// build: - clang -mcpu=v3
// build: gcc gcc
// Calls between functions by both compilers: static and global.
#include <linux/bpf.h>

#define SEC(name) __attribute__((section(name), used))
#define NOINLINE __attribute__((noinline))

static NOINLINE int leaf(int a, int b) { return a * b + 1; }
NOINLINE int in_text(int a) { return leaf(a, 3) - leaf(3, a); }

SEC("socket") int program(struct __sk_buff *skb) { return in_text(skb->len); }

char LICENSE[] SEC("license") = "GPL";
