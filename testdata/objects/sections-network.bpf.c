// SPDX-License-Identifier: MIT
// Section names of network program types, current and older spellings, some with an attach point behind the slash.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define PROGRAM(name, section) \
	SEC(section) int name(void *ctx) { return 0; }

PROGRAM(on_socket, "socket")
PROGRAM(on_xdp, "xdp")
PROGRAM(on_xdp_frags, "xdp.frags")
PROGRAM(on_xdp_devmap, "xdp/devmap")
PROGRAM(on_xdp_cpumap, "xdp/cpumap")
PROGRAM(on_xdp_frags_devmap, "xdp.frags/devmap")
PROGRAM(on_xdp_frags_cpumap, "xdp.frags/cpumap")
PROGRAM(on_tc, "tc")
PROGRAM(on_tc_ingress, "tc/ingress")
PROGRAM(on_tc_egress, "tc/egress")
PROGRAM(on_tcx_ingress, "tcx/ingress")
PROGRAM(on_tcx_egress, "tcx/egress")
PROGRAM(on_classifier, "classifier")
PROGRAM(on_action, "action")
PROGRAM(on_netkit_primary, "netkit/primary")
PROGRAM(on_netkit_peer, "netkit/peer")
PROGRAM(on_sk_lookup, "sk_lookup")
PROGRAM(on_sk_reuseport, "sk_reuseport")
PROGRAM(on_sk_reuseport_migrate, "sk_reuseport/migrate")
PROGRAM(on_sk_skb_parser, "sk_skb/stream_parser")
PROGRAM(on_sk_skb_verdict, "sk_skb/stream_verdict")
PROGRAM(on_sk_skb, "sk_skb")
PROGRAM(on_sk_msg, "sk_msg")
PROGRAM(on_sockops, "sockops")
PROGRAM(on_flow_dissector, "flow_dissector")
PROGRAM(on_netfilter, "netfilter")
PROGRAM(on_lwt_in, "lwt_in")
PROGRAM(on_lwt_out, "lwt_out")
PROGRAM(on_lwt_xmit, "lwt_xmit")
PROGRAM(on_lwt_seg6local, "lwt_seg6local")
PROGRAM(on_lirc, "lirc_mode2")

char LICENSE[] SEC("license") = "GPL";
