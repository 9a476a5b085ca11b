import { KfuncFlag as F, kfuncSet } from "./kfunc-set.ts";

/** Congestion control, whole and in parts, and queueing disciplines. */
export const CONGESTION_KFUNCS = [
  kfuncSet(["structOps"], {
    tcp_reno_ssthresh: 0,
    tcp_reno_cong_avoid: 0,
    tcp_reno_undo_cwnd: 0,
    tcp_slow_start: 0,
    tcp_cong_avoid_ai: 0,
  }),
  kfuncSet(["structOps"], {
    cubictcp_init: 0,
    cubictcp_recalc_ssthresh: 0,
    cubictcp_cong_avoid: 0,
    cubictcp_state: 0,
    cubictcp_cwnd_event: 0,
    cubictcp_acked: 0,
  }),
  kfuncSet(["structOps"], {
    dctcp_init: 0,
    dctcp_update_alpha: 0,
    dctcp_cwnd_event: 0,
    dctcp_ssthresh: 0,
    dctcp_cwnd_undo: 0,
    dctcp_state: 0,
  }),
  kfuncSet(["structOps"], {
    bbr_init: 0,
    bbr_main: 0,
    bbr_sndbuf_expand: 0,
    bbr_undo_cwnd: 0,
    bbr_cwnd_event: 0,
    bbr_ssthresh: 0,
    bbr_min_tso_segs: 0,
    bbr_set_state: 0,
  }),
  kfuncSet(
    ["structOps"],
    {
      bpf_skb_get_hash: F.TRUSTED_ARGS,
      bpf_kfree_skb: F.RELEASE,
      bpf_qdisc_skb_drop: F.RELEASE,
      bpf_dynptr_from_skb: F.TRUSTED_ARGS,
      bpf_qdisc_watchdog_schedule: F.TRUSTED_ARGS,
      bpf_qdisc_init_prologue: F.TRUSTED_ARGS,
      bpf_qdisc_reset_destroy_epilogue: F.TRUSTED_ARGS,
      bpf_qdisc_bstats_update: F.TRUSTED_ARGS,
    },
    "queueing",
  ),
];
