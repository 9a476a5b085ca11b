// SPDX-License-Identifier: MIT
// Section names of cgroup program types.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define PROGRAM(name, section) \
	SEC(section) int name(void *ctx) { return 1; }

PROGRAM(on_skb_ingress, "cgroup_skb/ingress")
PROGRAM(on_skb_egress, "cgroup_skb/egress")
PROGRAM(on_skb, "cgroup/skb")
PROGRAM(on_sock, "cgroup/sock")
PROGRAM(on_sock_create, "cgroup/sock_create")
PROGRAM(on_sock_release, "cgroup/sock_release")
PROGRAM(on_post_bind4, "cgroup/post_bind4")
PROGRAM(on_post_bind6, "cgroup/post_bind6")
PROGRAM(on_bind4, "cgroup/bind4")
PROGRAM(on_bind6, "cgroup/bind6")
PROGRAM(on_connect4, "cgroup/connect4")
PROGRAM(on_connect6, "cgroup/connect6")
PROGRAM(on_connect_unix, "cgroup/connect_unix")
PROGRAM(on_sendmsg4, "cgroup/sendmsg4")
PROGRAM(on_sendmsg6, "cgroup/sendmsg6")
PROGRAM(on_sendmsg_unix, "cgroup/sendmsg_unix")
PROGRAM(on_recvmsg4, "cgroup/recvmsg4")
PROGRAM(on_recvmsg6, "cgroup/recvmsg6")
PROGRAM(on_recvmsg_unix, "cgroup/recvmsg_unix")
PROGRAM(on_getpeername4, "cgroup/getpeername4")
PROGRAM(on_getpeername6, "cgroup/getpeername6")
PROGRAM(on_getpeername_unix, "cgroup/getpeername_unix")
PROGRAM(on_getsockname4, "cgroup/getsockname4")
PROGRAM(on_getsockname6, "cgroup/getsockname6")
PROGRAM(on_getsockname_unix, "cgroup/getsockname_unix")
PROGRAM(on_sysctl, "cgroup/sysctl")
PROGRAM(on_getsockopt, "cgroup/getsockopt")
PROGRAM(on_setsockopt, "cgroup/setsockopt")
PROGRAM(on_dev, "cgroup/dev")

char LICENSE[] SEC("license") = "GPL";
