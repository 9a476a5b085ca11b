import { KfuncFlag as F, kfuncSet } from "./kfunc-set.ts";

/** Packets, sockets, connections, transformations. */
export const NETWORK_KFUNCS = [
  kfuncSet(["tc", "schedAct", "skSkb", "socketFilter", "cgroup", "lwt", "netfilter", "tracing"], {
    bpf_dynptr_from_skb: F.TRUSTED_ARGS,
  }),
  kfuncSet(["tc", "schedAct"], {
    bpf_dynptr_from_skb_meta: F.TRUSTED_ARGS,
  }),
  kfuncSet(["xdp"], {
    bpf_dynptr_from_xdp: 0,
    bpf_xdp_pull_data: 0,
  }),
  kfuncSet(["cgroup"], {
    bpf_sock_addr_set_sun_path: 0,
  }),
  kfuncSet(["tc"], {
    bpf_sk_assign_tcp_reqsk: F.TRUSTED_ARGS,
  }),
  kfuncSet(["cgroup"], {
    bpf_sock_ops_enable_tx_tstamp: F.TRUSTED_ARGS,
  }),
  kfuncSet(
    ["tracing"],
    {
      bpf_sock_destroy: F.TRUSTED_ARGS,
    },
    "iterators",
  ),
  kfuncSet(["xdp", "tc"], {
    bpf_xdp_ct_alloc: F.ACQUIRE | F.RET_NULL,
    bpf_xdp_ct_lookup: F.ACQUIRE | F.RET_NULL,
    bpf_skb_ct_alloc: F.ACQUIRE | F.RET_NULL,
    bpf_skb_ct_lookup: F.ACQUIRE | F.RET_NULL,
    bpf_ct_insert_entry: F.ACQUIRE | F.RET_NULL | F.RELEASE,
    bpf_ct_release: F.RELEASE,
    bpf_ct_set_timeout: F.TRUSTED_ARGS,
    bpf_ct_change_timeout: F.TRUSTED_ARGS,
    bpf_ct_set_status: F.TRUSTED_ARGS,
    bpf_ct_change_status: F.TRUSTED_ARGS,
  }),
  kfuncSet(["xdp", "tc"], {
    bpf_ct_set_nat_info: F.TRUSTED_ARGS,
  }),
  kfuncSet(["xdp"], {
    bpf_xdp_flow_lookup: F.TRUSTED_ARGS | F.RET_NULL,
  }),
  kfuncSet(["xdp"], {
    bpf_xdp_metadata_rx_timestamp: F.TRUSTED_ARGS,
    bpf_xdp_metadata_rx_hash: F.TRUSTED_ARGS,
    bpf_xdp_metadata_rx_vlan_tag: F.TRUSTED_ARGS,
  }),
  kfuncSet(["xdp"], {
    bpf_xdp_get_xfrm_state: F.RET_NULL | F.ACQUIRE,
    bpf_xdp_xfrm_state_release: F.RELEASE,
  }),
  kfuncSet(["tc"], {
    bpf_skb_get_xfrm_info: 0,
    bpf_skb_set_xfrm_info: 0,
  }),
  kfuncSet(["tc"], {
    bpf_skb_set_fou_encap: 0,
    bpf_skb_get_fou_encap: 0,
  }),
];
