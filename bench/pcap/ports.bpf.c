// SPDX-License-Identifier: MIT
// A parser as people write them: VLAN tags, IPv4 with options, IPv6, TCP and UDP. Packets and bytes are counted for
// each destination port below 1024, others together; what goes to port 23 is dropped. For XDP and for tc.
#include <linux/bpf.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

enum { ETH_VLAN = 0x8100, ETH_QINQ = 0x88a8, ETH_IPV4 = 0x0800, ETH_IPV6 = 0x86dd, TCP = 6, UDP = 17, TELNET = 23 };
enum { OTHER_PORTS = 0, NO_PORT = 1024, COUNTERS = 1025 };

struct counter {
	__u64 packets;
	__u64 bytes;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, COUNTERS);
	__type(key, __u32);
	__type(value, struct counter);
} ports SEC(".maps");

static __always_inline __u16 half_at(const __u8 *at)
{
	return at[0] << 8 | at[1];
}

/* The port that a frame goes to; NO_PORT where it has none. */
static __always_inline __u32 port_of(const __u8 *at, const __u8 *end)
{
	__u32 type, protocol;

	if (at + 14 > end)
		return NO_PORT;
	type = half_at(at + 12);
	at += 14;
#pragma unroll
	for (int i = 0; i < 2; i++) {
		if (type != ETH_VLAN && type != ETH_QINQ)
			break;
		if (at + 4 > end)
			return NO_PORT;
		type = half_at(at + 2);
		at += 4;
	}
	if (type == ETH_IPV4) {
		if (at + 20 > end || at[0] >> 4 != 4 || (half_at(at + 6) & 0x1fff) != 0)
			return NO_PORT;
		protocol = at[9];
		at += (at[0] & 15) * 4;
	} else if (type == ETH_IPV6) {
		if (at + 40 > end)
			return NO_PORT;
		protocol = at[6];
		at += 40;
	} else {
		return NO_PORT;
	}
	if ((protocol != TCP && protocol != UDP) || at + 4 > end)
		return NO_PORT;
	return half_at(at + 2);
}

/* Whether the frame may go on. */
static __always_inline int counted(const __u8 *data, const __u8 *end, __u32 length)
{
	__u32 port = port_of(data, end);
	__u32 key = port <= NO_PORT ? port : OTHER_PORTS;
	struct counter *counter = bpf_map_lookup_elem(&ports, &key);

	if (counter) {
		counter->packets++;
		counter->bytes += length;
	}
	return port != TELNET;
}

SEC("xdp")
int ports_xdp(struct xdp_md *ctx)
{
	const __u8 *data = (const __u8 *)(long)ctx->data, *end = (const __u8 *)(long)ctx->data_end;

	return counted(data, end, end - data) ? XDP_PASS : XDP_DROP;
}

SEC("tc")
int ports_tc(struct __sk_buff *skb)
{
	return counted((const __u8 *)(long)skb->data, (const __u8 *)(long)skb->data_end, skb->len) ? 0 : 2;
}

char _license[] SEC("license") = "Dual MIT/GPL";
