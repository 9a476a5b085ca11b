import { type HelperMeanings, meaning } from "./meaning.ts";

/** Where packets go. */
export const ROUTE_MEANINGS = {
  clone_redirect: meaning(
    "Sends a copy of a packet out of a device, or has it come in there. The packet itself goes its way.",
    { BPF_F_INGRESS: "have the copy come in at the device instead of going out" },
  ),
  redirect: meaning(
    "Has the packet go to another device once the program returns TC_ACT_REDIRECT or XDP_REDIRECT, which this gives back.",
    { BPF_F_INGRESS: "tc: have it come in at the device instead of going out" },
  ),
  redirect_map: meaning(
    "Has the packet go to what a map of devices, CPUs or AF_XDP sockets has at a key, once the program returns XDP_REDIRECT. Where it has nothing, the result is what the lower bits of flags say.",
    {
      BPF_F_BROADCAST: "devices: to all of the map",
      BPF_F_EXCLUDE_INGRESS: "devices: but not to the one that it came in at",
    },
  ),
  redirect_neigh: meaning(
    "As bpf_redirect out of a device, with the link-layer addresses of the next hop filled in by the kernel. flags must be 0.",
  ),
  redirect_peer: meaning(
    "As bpf_redirect, but the packet comes in at the other end of a veth pair in another namespace, without another queue. flags must be 0.",
  ),
  sk_redirect_map: meaning(
    "Has data of a socket go to the socket at an index of a sockmap. SK_PASS, or SK_DROP where there is none.",
    { BPF_F_INGRESS: "into its receive queue instead of out of it" },
  ),
  sk_redirect_hash: meaning(
    "Has data of a socket go to the socket under a key of a sockhash. SK_PASS, or SK_DROP where there is none.",
    { BPF_F_INGRESS: "into its receive queue instead of out of it" },
  ),
  msg_redirect_map: meaning(
    "Has a message that is sent go to the socket at an index of a sockmap. SK_PASS, or SK_DROP where there is none.",
    { BPF_F_INGRESS: "into its receive queue instead of out of it" },
  ),
  msg_redirect_hash: meaning(
    "Has a message that is sent go to the socket under a key of a sockhash. SK_PASS, or SK_DROP where there is none.",
    { BPF_F_INGRESS: "into its receive queue instead of out of it" },
  ),
  fib_lookup: meaning(
    "Looks a route up, and the link-layer addresses of its next hop, and fills in where a packet is to go. 0 where it can be sent; above 0 the reason why the kernel has to do it (BPF_FIB_LKUP_RET_*).",
    {
      BPF_FIB_LOOKUP_DIRECT: "look only into the table of the device",
      BPF_FIB_LOOKUP_OUTPUT: "as a packet that goes out",
      BPF_FIB_LOOKUP_SKIP_NEIGH: "do not look for the addresses of the next hop",
      BPF_FIB_LOOKUP_TBID: "look into the table tbid",
      BPF_FIB_LOOKUP_SRC: "also choose a source address",
      BPF_FIB_LOOKUP_MARK: "use mark for rules",
    },
  ),
  lwt_push_encap: meaning(
    "Encapsulates a packet of a lightweight tunnel: with headers of IPv6 segment routing or of IP.",
    {
      BPF_LWT_ENCAP_SEG6: "type: an outer IPv6 header with a segment routing header",
      BPF_LWT_ENCAP_SEG6_INLINE: "type: a segment routing header in the packet's own IPv6 header",
      BPF_LWT_ENCAP_IP: "type: an IPv4 or IPv6 header, with what may follow it",
    },
  ),
  lwt_seg6_store_bytes: meaning(
    "Overwrites flags, tag or TLVs of the outermost segment routing header of a packet.",
  ),
  lwt_seg6_adjust_srh: meaning(
    "Makes the TLV part of the outermost segment routing header longer or shorter.",
  ),
  lwt_seg6_action: meaning("Does one of the actions of IPv6 segment routing with a packet.", {
    SEG6_LOCAL_ACTION_END_X: "forward it to a next hop",
    SEG6_LOCAL_ACTION_END_T: "look its next hop up in a table",
    SEG6_LOCAL_ACTION_END_B6: "insert a header",
    SEG6_LOCAL_ACTION_END_B6_ENCAP: "encapsulate it",
    SEG6_LOCAL_ACTION_END_DT6: "unpack it, and look its next hop up in a table",
  }),
} as const satisfies HelperMeanings;
