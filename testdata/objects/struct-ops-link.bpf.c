// SPDX-License-Identifier: MIT
// struct_ops maps whose attachment is a link (.struct_ops.link), two in one section, each with a program that is two members.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct sock;
struct tcp_congestion_ops {
	__u32 (*ssthresh)(struct sock *sk);
	void (*cong_avoid)(struct sock *sk, __u32 ack, __u32 acked);
	__u32 (*undo_cwnd)(struct sock *sk);
	char name[16];
} __attribute__((preserve_access_index));

SEC("struct_ops") __u32 ten(unsigned long long *ctx) { return 10; }
SEC("struct_ops") __u32 twenty(unsigned long long *ctx) { return 20; }
SEC("struct_ops") void nothing(unsigned long long *ctx) {}
SEC("?struct_ops.s/init") void sleepable(unsigned long long *ctx) {}

SEC(".struct_ops.link") struct tcp_congestion_ops first = {
	.ssthresh = (void *)ten, .cong_avoid = (void *)nothing, .undo_cwnd = (void *)ten, .name = "tsbpf_ten",
};
SEC(".struct_ops.link") struct tcp_congestion_ops second = {
	.ssthresh = (void *)twenty, .cong_avoid = (void *)nothing, .undo_cwnd = (void *)twenty, .name = "tsbpf_twenty",
};

char LICENSE[] SEC("license") = "GPL";
