import { type HelperMeanings, meaning } from "./meaning.ts";

const CHECKSUMMED = {
  BPF_F_RECOMPUTE_CSUM: "correct the checksum that the device computed over the whole packet",
  BPF_F_INVALIDATE_HASH: "forget the packet's hash",
};

const COOKIE =
  "EINVAL where the headers are no such request, EOPNOTSUPP where the kernel has no SYN cookies.";

/** Bytes, headers, checksums and marks of packets. */
export const PACKET_MEANINGS = {
  skb_load_bytes: meaning(
    "Copies bytes of a packet into a buffer, also where they are in fragments. EFAULT, and zeros in the buffer, where the packet is shorter.",
  ),
  skb_load_bytes_relative: meaning(
    "Copies bytes of a packet, counted from one of its headers. EFAULT, and zeros in the buffer, where the packet is shorter or has no such header.",
    {
      BPF_HDR_START_MAC: "count from the Ethernet header",
      BPF_HDR_START_NET: "count from the network header",
    },
  ),
  skb_store_bytes: meaning("Overwrites bytes of a packet; EFAULT where the packet is shorter.", CHECKSUMMED),
  skb_pull_data: meaning(
    "Makes sure that so many bytes of a packet can be read and written through data and data_end; 0: all of its headers. ENOMEM where the packet is shorter.",
  ),
  l3_csum_replace: meaning(
    "Corrects the checksum of the network header for a field that changed: by its old and new value, or by a difference.",
    {
      BPF_F_HDR_FIELD_MASK: "bits with the size of the field, 2 or 4; 0: to is a difference of bpf_csum_diff",
    },
  ),
  l4_csum_replace: meaning(
    "Corrects the checksum of TCP, UDP or ICMP for a field that changed: by its old and new value, or by a difference.",
    {
      BPF_F_HDR_FIELD_MASK: "bits with the size of the field, 2 or 4; 0: to is a difference of bpf_csum_diff",
      BPF_F_PSEUDO_HDR: "the field is part of the pseudo-header",
      BPF_F_MARK_MANGLED_0:
        "UDP: a checksum that becomes 0 is written as 0xffff, one that is 0 (none) is left",
      BPF_F_MARK_ENFORCE: "UDP: also write a checksum where there was none",
      BPF_F_IPV6: "the packet is IPv6, where the device's checksum covers the change already",
    },
  ),
  csum_diff: meaning(
    "Gives the difference that replacing some bytes by others makes in an Internet checksum; either of the two may be empty. Sizes are multiples of 4.",
  ),
  csum_update: meaning(
    "Adds a difference to the checksum that the device computed over the packet; ENOTSUPP where it computed none.",
  ),
  csum_level: meaning(
    "Changes or tells how many layers of checksums the device has found right. Other than to ask, EACCES where it has found none.",
    {
      BPF_CSUM_LEVEL_QUERY: "only tell the level",
      BPF_CSUM_LEVEL_INC: "one more",
      BPF_CSUM_LEVEL_DEC: "one less",
      BPF_CSUM_LEVEL_RESET: "none: what is there has to be checked",
    },
  ),
  skb_vlan_push: meaning(
    "Gives a packet a VLAN tag. One that it has already is put into the packet itself, in front of which the new one comes.",
  ),
  skb_vlan_pop: meaning("Takes the outermost VLAN tag off a packet; the next one, if any, takes its place."),
  skb_change_proto: meaning(
    "Makes room for an IPv6 header in the place of an IPv4 one, or the other way round, and says that the packet is one. The header itself is the program's to write; flags must be 0.",
  ),
  skb_change_type: meaning(
    "Changes for whom a packet is (PACKET_HOST, PACKET_BROADCAST, PACKET_MULTICAST, PACKET_OTHERHOST), so that one for another host is taken.",
  ),
  skb_change_tail: meaning(
    "Makes a packet shorter or longer at its end; new bytes are zero. flags must be 0.",
  ),
  skb_change_head: meaning(
    "Makes room in front of a packet, for a link-layer header, say; new bytes are zero. flags must be 0.",
  ),
  skb_adjust_room: meaning(
    "Makes room in front of or behind the network header, or takes bytes away there: to encapsulate a packet or to unpack it.",
    {
      BPF_ADJ_ROOM_NET: "mode: behind the network header",
      BPF_ADJ_ROOM_MAC: "mode: between the Ethernet and the network header",
      BPF_F_ADJ_ROOM_FIXED_GSO: "leave the segment size of a large packet as it is",
      BPF_F_ADJ_ROOM_ENCAP_L3_IPV4: "what is added is an IPv4 header",
      BPF_F_ADJ_ROOM_ENCAP_L3_IPV6: "what is added is an IPv6 header",
      BPF_F_ADJ_ROOM_ENCAP_L4_GRE: "what is added has a GRE header",
      BPF_F_ADJ_ROOM_ENCAP_L4_UDP: "what is added has a UDP header",
      BPF_F_ADJ_ROOM_NO_CSUM_RESET: "keep what the device found out about checksums",
      BPF_F_ADJ_ROOM_ENCAP_L2_ETH: "the inner link layer is Ethernet",
      BPF_F_ADJ_ROOM_DECAP_L3_IPV4: "what is left is an IPv4 packet",
      BPF_F_ADJ_ROOM_DECAP_L3_IPV6: "what is left is an IPv6 packet",
    },
  ),
  get_hash_recalc: meaning(
    "Gives the hash of a packet's flow, which is computed from its addresses and ports where it is not known.",
  ),
  set_hash_invalid: meaning(
    "Forgets the hash of a packet, so that it is computed anew from the changed headers.",
  ),
  set_hash: meaning("Sets the hash of a packet to a number."),
  skb_set_tstamp: meaning(
    "Sets the time stamp of a packet and which clock it is of. EINVAL for other clocks, EOPNOTSUPP where the packet is no IP packet.",
    {
      BPF_SKB_CLOCK_REALTIME: "time of reception; the stamp must be 0",
      BPF_SKB_CLOCK_MONOTONIC: "time of delivery: the packet is not sent before; not 0",
      BPF_SKB_CLOCK_TAI: "time of delivery in International Atomic Time; not 0",
    },
  ),
  skb_ecn_set_ce: meaning(
    "Marks a packet as having met congestion (ECN). 1 where it is marked, 0 where it may not be, or is no IP packet.",
  ),
  skb_get_tunnel_key: meaning(
    "Copies out the tunnel that a packet came through: its id, addresses, TOS, TTL. EINVAL where it came through none.",
    {
      BPF_F_TUNINFO_IPV6: "addresses are IPv6",
      BPF_F_TUNINFO_FLAGS: "also the flags of the tunnel (tunnel_flags)",
    },
  ),
  skb_set_tunnel_key: meaning(
    "Says which tunnel a packet is sent through, where it goes to a device that lets others say so.",
    {
      BPF_F_TUNINFO_IPV6: "addresses are IPv6",
      BPF_F_ZERO_CSUM_TX: "no checksum of the outer UDP header",
      BPF_F_DONT_FRAGMENT: "the outer packet must not be cut",
      BPF_F_SEQ_NUMBER: "number the outer packets (GRE)",
      BPF_F_NO_TUNNEL_KEY: "send no tunnel id (GRE)",
    },
  ),
  skb_get_tunnel_opt: meaning(
    "Copies out the options (Geneve, VXLAN) of the tunnel that a packet came through. The result is their size; ENOENT where there are none, ENOMEM where the buffer is too small.",
  ),
  skb_set_tunnel_opt: meaning(
    "Sets the options of the tunnel that bpf_skb_set_tunnel_key has set for a packet. Sizes are multiples of 4; EINVAL where no tunnel was set.",
  ),
  skb_get_xfrm_state: meaning(
    "Copies out by which rule of IPsec a packet was decrypted, by index. EINVAL where there is none; flags must be 0.",
  ),
  get_route_realm: meaning(
    "Gives the realm (tclassid) of the route that a packet takes; 0 where it has none.",
  ),
  get_cgroup_classid: meaning("Gives the net_cls class of the task that sent a packet; 0 where none is set."),
  skb_cgroup_classid: meaning(
    "Gives the net_cls class of the socket that a packet belongs to; 0 where it has none.",
  ),
  skb_under_cgroup: meaning(
    "Tells whether the socket of a packet is in the control group at an index of a cgroup array, or below it: 1 or 0; ENOENT where the packet has no socket, EAGAIN where the index is empty.",
  ),
  skb_cgroup_id: meaning(
    "Gives the id of the control group (cgroup2) of a packet's socket; 0 where it has no socket.",
  ),
  skb_ancestor_cgroup_id: meaning(
    "Gives the id of the control group at a level above that of a packet's socket, the root being level 0; 0 where it is not that deep.",
  ),
  check_mtu: meaning(
    "Tells whether a packet, so much longer or shorter, fits the MTU of a device, and what that is. 0 where it does; otherwise the reason.",
    {
      BPF_MTU_CHK_SEGS: "packets of tc: also look at the segments of a large packet",
      BPF_MTU_CHK_RET_FRAG_NEEDED: "result: it is too long",
      BPF_MTU_CHK_RET_SEGS_TOOBIG: "result: a segment is too long",
    },
  ),
  xdp_adjust_head: meaning(
    "Moves the beginning of a packet by so many bytes: below 0 to make room, above 0 to take bytes away. EINVAL where there is no room.",
  ),
  xdp_adjust_tail: meaning(
    "Moves the end of a packet by so many bytes. EINVAL where there is no room, or less than an Ethernet header would be left.",
  ),
  xdp_adjust_meta: meaning(
    "Moves the beginning of the metadata in front of a packet, which programs that see the packet later can read. ENOTSUPP where the device has no room for any, EINVAL for sizes that are not allowed.",
  ),
  xdp_get_buff_len: meaning("Gives the length of a packet, with all its fragments."),
  xdp_load_bytes: meaning(
    "Copies bytes of a packet into a buffer, also where they are in fragments. EINVAL where the packet is shorter.",
  ),
  xdp_store_bytes: meaning(
    "Overwrites bytes of a packet, also where they are in fragments. EINVAL where the packet is shorter.",
  ),
  tcp_check_syncookie: meaning(
    `Tells whether an ACK answers a SYN cookie of a listening socket: 0, or ENOENT where not. ${COOKIE}`,
  ),
  tcp_gen_syncookie: meaning(
    `Makes the SYN cookie that a listening socket would answer a SYN with, in the lower 32 bits, and the MSS above it. ${COOKIE}`,
  ),
  tcp_raw_gen_syncookie_ipv4: meaning(
    `Makes a SYN cookie for a SYN over IPv4, without a socket: the cookie in the lower 32 bits, the MSS above it. ${COOKIE}`,
  ),
  tcp_raw_gen_syncookie_ipv6: meaning(
    `Makes a SYN cookie for a SYN over IPv6, without a socket: the cookie in the lower 32 bits, the MSS above it. ${COOKIE}`,
  ),
  tcp_raw_check_syncookie_ipv4: meaning(
    "Tells whether the acknowledgement of a TCP segment over IPv4 is a valid SYN cookie: 0, or EACCES where not.",
  ),
  tcp_raw_check_syncookie_ipv6: meaning(
    "Tells whether the acknowledgement of a TCP segment over IPv6 is a valid SYN cookie: 0, or EACCES where not.",
  ),
} as const satisfies HelperMeanings;
