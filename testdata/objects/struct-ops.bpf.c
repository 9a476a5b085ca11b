// SPDX-License-Identifier: MIT
// A struct_ops map: a TCP congestion control of BPF programs, with a name, a flag and a slot left empty.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define PRESERVED __attribute__((preserve_access_index))
struct sock;
struct tcp_congestion_ops {
	void (*init)(struct sock *sk);
	__u32 (*ssthresh)(struct sock *sk);
	void (*cong_avoid)(struct sock *sk, __u32 ack, __u32 acked);
	__u32 (*undo_cwnd)(struct sock *sk);
	__u32 flags;
	char name[16];
} PRESERVED;

SEC("struct_ops/ssthresh") __u32 steady_ssthresh(unsigned long long *ctx) { return 10; }
SEC("struct_ops/undo_cwnd") __u32 steady_undo_cwnd(unsigned long long *ctx) { return 10; }
SEC("struct_ops") void steady_cong_avoid(unsigned long long *ctx) {}

SEC(".struct_ops") struct tcp_congestion_ops steady = {
	.ssthresh = (void *)steady_ssthresh,
	.cong_avoid = (void *)steady_cong_avoid,
	.undo_cwnd = (void *)steady_undo_cwnd,
	.name = "tsbpf_steady",
};

char LICENSE[] SEC("license") = "GPL";
