// SPDX-License-Identifier: MIT
// CO-RE of bit fields: byte offset, byte size, left and right shift, signedness; by probe read and by direct loads.
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

struct sk_buff {
	__u8 pkt_type : 3;
	__u8 cloned : 1;
	__u8 ip_summed : 2;
	unsigned int len;
} __attribute__((preserve_access_index));

struct task_struct {
	unsigned sched_reset_on_fork : 1;
	unsigned in_execve : 1;
} __attribute__((preserve_access_index));

__u64 out[8];

SEC("raw_tp/netif_receive_skb") int by_probe_read(struct bpf_raw_tracepoint_args *ctx)
{
	struct sk_buff *skb = (void *)ctx->args[0];

	out[0] = BPF_CORE_READ_BITFIELD_PROBED(skb, pkt_type);
	out[1] = BPF_CORE_READ_BITFIELD_PROBED(skb, ip_summed);
	out[2] = __builtin_preserve_field_info(skb->cloned, BPF_FIELD_LSHIFT_U64);
	out[3] = __builtin_preserve_field_info(skb->cloned, BPF_FIELD_RSHIFT_U64);
	out[4] = __builtin_preserve_field_info(skb->cloned, BPF_FIELD_BYTE_SIZE);
	return 0;
}

SEC("tp_btf/sys_enter") int by_load(unsigned long long *ctx)
{
	struct task_struct *task = (void *)bpf_get_current_task_btf();

	out[5] = BPF_CORE_READ_BITFIELD(task, in_execve);
	out[6] = BPF_CORE_READ_BITFIELD(task, sched_reset_on_fork);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
