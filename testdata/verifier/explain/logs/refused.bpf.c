// Programs that no kernel takes, for logs of several generations.
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <bpf/bpf_helpers.h>

struct value {
	__u64 packets;
	__u64 bytes[8];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16);
	__type(key, __u32);
	__type(value, struct value);
} counts SEC(".maps");

SEC("xdp")
int refused(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	void *data_end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = data;
	__u32 key = ctx->ingress_ifindex;
	struct value *value;
	__u32 index;

	if (data + sizeof(*eth) > data_end)
		return XDP_DROP;
	index = eth->h_proto & 0xf;
	value = bpf_map_lookup_elem(&counts, &key);
	if (!value)
		return XDP_PASS;
	if (index > 8)
		return XDP_PASS;
	value->bytes[index]++;
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
