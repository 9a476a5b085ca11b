// SPDX-License-Identifier: MIT
// The `?` prefix: programs that are not loaded unless asked for. Two programs share one section.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("xdp") int loaded_first(struct xdp_md *ctx) { return XDP_PASS; }
SEC("?xdp") int optional(struct xdp_md *ctx) { return XDP_DROP; }
SEC("xdp") int loaded_second(struct xdp_md *ctx) { return XDP_TX; }
SEC("?fentry/no_such_function") int optional_target(unsigned long long *ctx) { return 0; }
SEC("?tracepoint/sched/sched_switch") int optional_tracepoint(void *ctx) { return 0; }

char LICENSE[] SEC("license") = "GPL";
