// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * VLAN tags by tc, for kernels without the 8021q device: `push` on egress tags what goes to two test networks
 * (10.77.20.0/24 with VLAN 20, 10.77.30.0/24 with VLAN 30 inside service VLAN 300), `pop` on ingress removes the tags.
 */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define ETH_P_IP 0x0800
#define ETH_P_ARP 0x0806
#define ETH_P_8021Q 0x8100
#define ETH_P_8021AD 0x88a8

#define ARP_TARGET_ADDRESS (14 + 24)
#define IPV4_DESTINATION (14 + 16)
#define NETWORK(c) (10 << 24 | 77 << 16 | (c) << 8)

SEC("tc")
int push(struct __sk_buff *skb)
{
	__be32 destination = 0;
	int at = skb->protocol == bpf_htons(ETH_P_ARP) ? ARP_TARGET_ADDRESS : IPV4_DESTINATION;

	if (skb->protocol != bpf_htons(ETH_P_IP) && skb->protocol != bpf_htons(ETH_P_ARP))
		return TC_ACT_OK;
	if (bpf_skb_load_bytes(skb, at, &destination, 4) < 0)
		return TC_ACT_OK;
	switch (bpf_ntohl(destination) & 0xffffff00) {
	case NETWORK(20):
		bpf_skb_vlan_push(skb, bpf_htons(ETH_P_8021Q), 20);
		break;
	case NETWORK(30):
		bpf_skb_vlan_push(skb, bpf_htons(ETH_P_8021Q), 30);
		bpf_skb_vlan_push(skb, bpf_htons(ETH_P_8021AD), 300);
		break;
	}
	return TC_ACT_OK;
}

SEC("tc")
int pop(struct __sk_buff *skb)
{
	for (int i = 0; i < 2; i++)
		if (skb->vlan_present)
			bpf_skb_vlan_pop(skb);
	return TC_ACT_OK;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
