// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * A flow counter for XDP.
 *
 * For every Ethernet frame this program finds the network and transport headers, counts packets and bytes for each
 * protocol and for each flow (addresses, ports, protocol), and drops what goes to one configured port.
 *
 *   Ethernet -> up to two VLAN tags -> IPv4 (with options) | IPv6 (with extension headers) -> TCP | UDP | ICMP
 *
 * It shows the things that most BPF programs are made of:
 *   - bounds checks before every packet access (the verifier refuses the program without them),
 *   - a per-CPU array (no sharing, no atomics) and a hash map (shared, so atomics),
 *   - configuration in .rodata, which the loader may change before the program is verified,
 *   - a global counter in .bss,
 *   - a BPF-to-BPF call.
 */
#include <linux/bpf.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

/* Numbers of the wire formats. The headers that define them do not all agree with -target bpf, so they are here. */
#define ETH_P_IP 0x0800
#define ETH_P_ARP 0x0806
#define ETH_P_8021Q 0x8100
#define ETH_P_IPV6 0x86dd
#define ETH_P_8021AD 0x88a8

#define IPPROTO_HOPOPTS 0
#define IPPROTO_ICMP 1
#define IPPROTO_TCP 6
#define IPPROTO_UDP 17
#define IPPROTO_ROUTING 43
#define IPPROTO_FRAGMENT 44
#define IPPROTO_ICMPV6 58
#define IPPROTO_DSTOPTS 60

#define AF_INET 2
#define AF_INET6 10

#define MAX_VLAN_TAGS 2
#define MAX_IPV6_EXTENSIONS 4

struct ethernet_header {
	__u8 destination[6];
	__u8 source[6];
	__be16 type;
} __attribute__((packed));

struct vlan_tag {
	__be16 control; /* priority (3 bits), drop eligible (1), VLAN id (12) */
	__be16 type;	/* of what follows */
} __attribute__((packed));

struct ipv4_header {
	__u8 version_and_words; /* the header's length in its low 4 bits, in words of 4 bytes */
	__u8 service;
	__be16 total_length;
	__be16 id;
	__be16 fragment; /* flags (3 bits), offset in units of 8 bytes (13) */
	__u8 ttl;
	__u8 protocol;
	__be16 checksum;
	__u8 source[4];
	__u8 destination[4];
} __attribute__((packed));

struct ipv6_header {
	__be32 version_class_label;
	__be16 payload_length;
	__u8 next_header;
	__u8 hop_limit;
	__u8 source[16];
	__u8 destination[16];
} __attribute__((packed));

/* What hop-by-hop, routing and destination headers have in common; a fragment header is always 8 bytes. */
struct ipv6_extension {
	__u8 next_header;
	__u8 length; /* in units of 8 bytes, not counting the first */
	__be16 fragment;
	__be32 id;
} __attribute__((packed));

struct ports {
	__be16 source;
	__be16 destination;
} __attribute__((packed));

/* The front of a TCP header, up to its flags. */
struct tcp_front {
	struct ports ports;
	__be32 sequence;
	__be32 acknowledgement;
	__u8 offset;
	__u8 flags;
} __attribute__((packed));

/* What a packet is counted as: the key of `protocols`. */
enum protocol {
	PROTOCOL_OTHER,
	PROTOCOL_ARP,
	PROTOCOL_ICMP,
	PROTOCOL_ICMPV6,
	PROTOCOL_TCP,
	PROTOCOL_UDP,
	PROTOCOL_COUNT,
};

struct traffic {
	__u64 packets;
	__u64 bytes;
};

/* One direction of a conversation. Every byte is set, padding included: a hash map compares all of them. */
struct flow_key {
	__u8 saddr[16]; /* IPv4 as ::ffff:a.b.c.d */
	__u8 daddr[16];
	__u16 sport; /* in host byte order; 0 where the protocol has no ports */
	__u16 dport;
	__u16 vlan; /* the inner VLAN id, 0 without a tag */
	__u8 family; /* AF_INET or AF_INET6 */
	__u8 proto; /* IPPROTO_* */
};

struct flow {
	__u64 packets;
	__u64 bytes;
	__u64 first_ns; /* bpf_ktime_get_ns() of the first and of the last packet */
	__u64 last_ns;
	__u32 tcp_flags; /* all flags seen, ORed: FIN 1, SYN 2, RST 4, PSH 8, ACK 16 */
	__u32 dropped; /* packets that were not let through */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, PROTOCOL_COUNT);
	__type(key, __u32);
	__type(value, struct traffic);
} protocols SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct flow_key);
	__type(value, struct flow);
} flows SEC(".maps");

/*
 * Configuration. `const volatile` puts it into .rodata, where a loader can set it before the program is verified;
 * after that it is frozen, and the verifier removes the branches that it decides.
 */
const volatile __u16 blocked_port = 23; /* TCP or UDP destination to drop; 0 drops nothing */
const volatile __u8 track_flows = 1; /* 0 counts protocols only */

/* Counted here because these packets are in no flow. */
__u64 malformed_packets = 0; /* cut off in the middle of a header */
__u64 untracked_packets = 0; /* the flow table was full */

/* Where the parser stands. `at` moves from header to header; `end` is one past the packet. */
struct cursor {
	void *at;
	void *end;
};

static __always_inline void count_protocol(__u32 protocol, __u64 bytes)
{
	struct traffic *traffic = bpf_map_lookup_elem(&protocols, &protocol);

	/* An array always has the key, but the verifier wants to see that a null pointer was thought of. */
	if (!traffic)
		return;
	traffic->packets++;
	traffic->bytes += bytes;
}

/*
 * Finds or makes the flow and adds one packet. A function of its own (BPF-to-BPF call): it has its own stack frame,
 * and tools show it as a program of its own.
 */
static __noinline int count_flow(const struct flow_key *key, __u64 bytes, __u32 tcp_flags, __u32 dropped)
{
	__u64 now = bpf_ktime_get_ns();
	struct flow *flow = bpf_map_lookup_elem(&flows, key);

	if (flow) {
		/* Other CPUs may count the same flow at the same time. */
		__sync_fetch_and_add(&flow->packets, 1);
		__sync_fetch_and_add(&flow->bytes, bytes);
		if (dropped)
			__sync_fetch_and_add(&flow->dropped, 1);
		flow->last_ns = now;
		flow->tcp_flags |= tcp_flags;
		return 0;
	}

	struct flow first = {
		.packets = 1,
		.bytes = bytes,
		.first_ns = now,
		.last_ns = now,
		.tcp_flags = tcp_flags,
		.dropped = dropped,
	};
	int error = bpf_map_update_elem(&flows, key, &first, BPF_NOEXIST);

	if (error)
		__sync_fetch_and_add(&untracked_packets, 1);
	return error;
}

/* Steps over an Ethernet header and its VLAN tags. Returns the type of what follows, 0 for a frame cut short. */
static __always_inline __u16 parse_ethernet(struct cursor *cursor, __u16 *vlan)
{
	struct ethernet_header *ethernet = cursor->at;

	if ((void *)(ethernet + 1) > cursor->end)
		return 0;
	cursor->at = ethernet + 1;

	__be16 type = ethernet->type;

#pragma unroll
	for (int i = 0; i < MAX_VLAN_TAGS; i++) {
		struct vlan_tag *tag = cursor->at;

		if (type != bpf_htons(ETH_P_8021Q) && type != bpf_htons(ETH_P_8021AD))
			break;
		if ((void *)(tag + 1) > cursor->end)
			return 0;
		cursor->at = tag + 1;
		*vlan = bpf_ntohs(tag->control) & 0xfff;
		type = tag->type;
	}
	return bpf_ntohs(type);
}

/* IPv4: fills the key, steps over the header with its options. Returns the packet's length, 0 for one cut short. */
static __always_inline __u32 parse_ipv4(struct cursor *cursor, struct flow_key *key, __u8 *later_fragment)
{
	struct ipv4_header *ip = cursor->at;

	if ((void *)(ip + 1) > cursor->end)
		return 0;

	__u32 header_bytes = (ip->version_and_words & 0xf) * 4;

	if (header_bytes < sizeof(*ip) || cursor->at + header_bytes > cursor->end)
		return 0;
	cursor->at += header_bytes;

	key->family = AF_INET;
	key->proto = ip->protocol;
	key->saddr[10] = key->saddr[11] = 0xff;
	key->daddr[10] = key->daddr[11] = 0xff;
	__builtin_memcpy(&key->saddr[12], ip->source, 4);
	__builtin_memcpy(&key->daddr[12], ip->destination, 4);
	*later_fragment = (ip->fragment & bpf_htons(0x1fff)) != 0;
	return bpf_ntohs(ip->total_length);
}

/* IPv6: likewise, over up to MAX_IPV6_EXTENSIONS extension headers. */
static __always_inline __u32 parse_ipv6(struct cursor *cursor, struct flow_key *key, __u8 *later_fragment)
{
	struct ipv6_header *ip = cursor->at;

	if ((void *)(ip + 1) > cursor->end)
		return 0;
	cursor->at = ip + 1;

	key->family = AF_INET6;
	__builtin_memcpy(key->saddr, ip->source, 16);
	__builtin_memcpy(key->daddr, ip->destination, 16);

	__u8 next = ip->next_header;

	/* A loop that the verifier walks: it ends after MAX_IPV6_EXTENSIONS rounds on every path. */
	for (int i = 0; i < MAX_IPV6_EXTENSIONS; i++) {
		struct ipv6_extension *extension = cursor->at;

		if (next != IPPROTO_HOPOPTS && next != IPPROTO_ROUTING && next != IPPROTO_DSTOPTS &&
		    next != IPPROTO_FRAGMENT)
			break;
		if ((void *)(extension + 1) > cursor->end)
			return 0;
		if (next == IPPROTO_FRAGMENT) {
			*later_fragment = (extension->fragment & bpf_htons(0xfff8)) != 0;
			cursor->at = extension + 1;
		} else {
			cursor->at += 8 + extension->length * 8;
		}
		next = extension->next_header;
	}
	key->proto = next;
	return sizeof(*ip) + bpf_ntohs(ip->payload_length);
}

/* TCP and UDP: the ports, and TCP's flags. Returns -1 for a header cut short. */
static __always_inline int parse_transport(struct cursor *cursor, struct flow_key *key, __u32 *tcp_flags)
{
	struct ports *ports = cursor->at;

	if (key->proto != IPPROTO_TCP && key->proto != IPPROTO_UDP)
		return 0;
	if ((void *)(ports + 1) > cursor->end)
		return -1;
	key->sport = bpf_ntohs(ports->source);
	key->dport = bpf_ntohs(ports->destination);

	if (key->proto == IPPROTO_TCP) {
		struct tcp_front *tcp = cursor->at;

		if ((void *)(tcp + 1) > cursor->end)
			return -1;
		*tcp_flags = tcp->flags;
	}
	return 0;
}

static __always_inline __u32 protocol_of(__u8 proto)
{
	switch (proto) {
	case IPPROTO_TCP:
		return PROTOCOL_TCP;
	case IPPROTO_UDP:
		return PROTOCOL_UDP;
	case IPPROTO_ICMP:
		return PROTOCOL_ICMP;
	case IPPROTO_ICMPV6:
		return PROTOCOL_ICMPV6;
	default:
		return PROTOCOL_OTHER;
	}
}

SEC("xdp")
int count_flows(struct xdp_md *ctx)
{
	void *frame = (void *)(long)ctx->data;
	struct cursor cursor = { frame, (void *)(long)ctx->data_end };
	struct flow_key key = {};
	__u32 tcp_flags = 0;
	__u8 later_fragment = 0;
	__u32 ip_bytes;
	__u16 type = parse_ethernet(&cursor, &key.vlan);
	__u64 headers = cursor.at - frame;

	if (type == ETH_P_IP) {
		ip_bytes = parse_ipv4(&cursor, &key, &later_fragment);
	} else if (type == ETH_P_IPV6) {
		ip_bytes = parse_ipv6(&cursor, &key, &later_fragment);
	} else if (type != 0) {
		count_protocol(type == ETH_P_ARP ? PROTOCOL_ARP : PROTOCOL_OTHER, cursor.end - frame);
		return XDP_PASS;
	} else {
		goto malformed;
	}
	if (ip_bytes == 0)
		goto malformed;

	/* Only the first fragment of a datagram has a transport header. */
	if (!later_fragment && parse_transport(&cursor, &key, &tcp_flags) < 0)
		goto malformed;

	/*
	 * Bytes are counted by what the IP header says, plus the headers before it: right also for frames padded to
	 * Ethernet's minimum, and for captures that kept only the front of each frame.
	 */
	__u64 length = headers + ip_bytes;
	__u32 drop = blocked_port != 0 && key.dport == blocked_port;

	count_protocol(protocol_of(key.proto), length);
	if (track_flows)
		count_flow(&key, length, tcp_flags, drop);
	return drop ? XDP_DROP : XDP_PASS;

malformed:
	__sync_fetch_and_add(&malformed_packets, 1);
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
