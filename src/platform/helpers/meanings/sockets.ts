import { type HelperMeanings, meaning } from "./meaning.ts";

const NETNS = { BPF_F_CURRENT_NETNS: "as netns: the namespace of the context" };

const UPDATE = {
  BPF_ANY: "make the element or replace it",
  BPF_NOEXIST: "only make it",
  BPF_EXIST: "only replace it",
};

/** Sockets: found, looked at, and what programs that are attached to them can do. */
export const SOCKET_MEANINGS = {
  sk_lookup_tcp: meaning(
    "Finds the TCP socket that packets between two addresses and ports would reach; the program has to release it with bpf_sk_release. flags must be 0.",
    NETNS,
  ),
  sk_lookup_udp: meaning(
    "Finds the UDP socket that packets between two addresses and ports would reach; the program has to release it with bpf_sk_release. flags must be 0.",
    NETNS,
  ),
  skc_lookup_tcp: meaning(
    "As bpf_sk_lookup_tcp, but also gives sockets that are no full ones: those that wait to end, and requests.",
    NETNS,
  ),
  sk_release: meaning("Gives back a socket that one of the look-ups gave out."),
  sk_fullsock: meaning("Gives the full socket behind a socket of any kind, or NULL where it is none."),
  tcp_sock: meaning(
    "Gives the TCP state of a socket (struct bpf_tcp_sock), or NULL where it is none of TCP.",
  ),
  get_listener_sock: meaning("Gives the listening socket that a socket belongs to, or is, or NULL."),
  sk_assign: meaning(
    "Has a packet, or a connection that is looked up, go to a given socket. In tc only before routing and for sockets that the namespace has; EINVAL, ENETUNREACH, EOPNOTSUPP, ESOCKTNOSUPPORT tell what is not allowed.",
    {
      BPF_SK_LOOKUP_F_REPLACE: "sk_lookup: replace the socket that another program chose",
      BPF_SK_LOOKUP_F_NO_REUSEPORT: "sk_lookup: do not share the connection among its group",
    },
  ),
  sk_select_reuseport: meaning(
    "Chooses the socket of a group with SO_REUSEPORT that gets a packet, by a key of a map. ENOENT where the map has none; flags must be 0.",
  ),
  get_socket_cookie: meaning(
    "Gives a number that stands for a socket as long as the machine runs, and makes it where it has none; 0 where there is no socket.",
  ),
  get_socket_uid: meaning(
    "Gives the user that owns the socket of a packet; 65534 (overflowuid) where it has no full socket.",
  ),
  get_netns_cookie: meaning(
    "Gives a number that stands for the network namespace of the context; with NULL that of the initial one.",
  ),
  setsockopt: meaning(
    "Sets an option of a socket, as setsockopt(2) does: at SOL_SOCKET sizes of buffers, addresses that are shared, keepalive, priority, mark, device, pacing; at SOL_TCP what times and windows are and who controls congestion, with TCP_BPF_* for programs alone; IP_TOS, IPV6_TCLASS, IPV6_AUTOFLOWLABEL. EINVAL for others, and for lengths and values that they do not take; ENODEV, ENOENT, EOPNOTSUPP, EPERM.",
  ),
  getsockopt: meaning(
    "Copies out an option of a socket, as getsockopt(2) does: those of bpf_setsockopt, but SO_BINDTODEVICE, TCP_BPF_IW and TCP_BPF_SNDCWND_CLAMP. EINVAL, and zeros in the buffer, for others.",
  ),
  bind: meaning(
    "Binds a socket to a source address before it connects, so that user space need not. With port 0 the connection chooses one. EAFNOSUPPORT for addresses that are not IP.",
  ),
  skc_to_tcp6_sock: meaning(
    "Gives the struct tcp6_sock that a socket is, or NULL where it is none of TCP over IPv6.",
  ),
  skc_to_tcp_sock: meaning(
    "Gives the struct tcp_sock that a socket is, or NULL where it is none of TCP, or no full one.",
  ),
  skc_to_tcp_timewait_sock: meaning(
    "Gives the struct tcp_timewait_sock that a socket is, or NULL where it does not wait to end.",
  ),
  skc_to_tcp_request_sock: meaning(
    "Gives the struct tcp_request_sock that a socket is, or NULL where it is no request.",
  ),
  skc_to_udp6_sock: meaning(
    "Gives the struct udp6_sock that a socket is, or NULL where it is none of UDP over IPv6.",
  ),
  skc_to_unix_sock: meaning(
    "Gives the struct unix_sock that a socket is, or NULL where it is no Unix socket.",
  ),
  skc_to_mptcp_sock: meaning(
    "Gives the struct mptcp_sock that a TCP socket is a part of, or NULL where it is none.",
  ),
  sock_from_file: meaning("Gives the struct socket that a file is, or NULL where it is none."),
  sk_cgroup_id: meaning(
    "Gives the id of the control group (cgroup2) of a socket; 0 where it is no full one.",
  ),
  sk_ancestor_cgroup_id: meaning(
    "Gives the id of the control group at a level above that of a socket, the root being level 0; 0 where it is not that deep.",
  ),
  sock_map_update: meaning("Puts the socket of the context into a sockmap.", UPDATE),
  sock_hash_update: meaning("Puts the socket of the context into a sockhash.", UPDATE),
  sock_ops_cb_flags_set: meaning(
    "Says at which further moments of a connection the program is to run. The result has the flags that the kernel does not know.",
    {
      BPF_SOCK_OPS_RTO_CB_FLAG: "when a retransmission timer expires",
      BPF_SOCK_OPS_RETRANS_CB_FLAG: "when something is retransmitted",
      BPF_SOCK_OPS_STATE_CB_FLAG: "when the state of the connection changes",
      BPF_SOCK_OPS_RTT_CB_FLAG: "at every measurement of the round trip",
      BPF_SOCK_OPS_PARSE_ALL_HDR_OPT_CB_FLAG: "for the header options of every packet that comes in",
      BPF_SOCK_OPS_PARSE_UNKNOWN_HDR_OPT_CB_FLAG: "for header options that the kernel does not know",
      BPF_SOCK_OPS_WRITE_HDR_OPT_CB_FLAG: "to write header options of packets that go out",
    },
  ),
  load_hdr_opt: meaning(
    "Finds a TCP header option of a packet by its kind and copies it out. The result is its length; ENOMSG where there is none.",
    { BPF_LOAD_HDR_OPT_TCP_SYN: "look into the SYN that was saved" },
  ),
  store_hdr_opt: meaning(
    "Writes a TCP header option into a packet that goes out; EEXIST where it is there. flags must be 0.",
  ),
  reserve_hdr_opt: meaning(
    "Reserves room for a TCP header option that is written later; ENOSPC. flags must be 0.",
  ),
  tcp_send_ack: meaning(
    "Sends an acknowledgement on a TCP connection: of congestion control that is a BPF program.",
  ),
  msg_apply_bytes: meaning(
    "Says for how many bytes of a message, and of the next ones, the verdict holds, so that the program does not run for each.",
  ),
  msg_cork_bytes: meaning("Has the program run again only once so many bytes have come together."),
  msg_pull_data: meaning(
    "Makes sure that bytes of a message can be read and written through data and data_end. flags must be 0.",
  ),
  msg_push_data: meaning("Makes room for bytes at a place of a message. flags must be 0."),
  msg_pop_data: meaning("Takes bytes at a place out of a message. flags must be 0."),
  sysctl_get_name: meaning(
    "Copies out the name of the sysctl that is read or written. The result is its length; E2BIG where it was cut.",
    { BPF_F_SYSCTL_BASE_NAME: "only the last part: tcp_mem of net/ipv4/tcp_mem" },
  ),
  sysctl_get_current_value: meaning(
    "Copies out the value that a sysctl has as text. The result is its length; E2BIG where it was cut.",
  ),
  sysctl_get_new_value: meaning(
    "Copies out the value that is being written to a sysctl. The result is its length; EINVAL where it is only read.",
  ),
  sysctl_set_new_value: meaning(
    "Replaces the value that is being written to a sysctl; EINVAL where it is only read.",
  ),
  rc_repeat: meaning("Tells user space that the last key of a remote control is still pressed."),
  rc_keydown: meaning(
    "Tells user space that a key of a remote control was pressed, by its protocol and code.",
  ),
  rc_pointer_rel: meaning("Tells user space that a remote control moved the pointer."),
} as const satisfies HelperMeanings;
