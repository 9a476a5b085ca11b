// SPDX-License-Identifier: MIT
// A loop in a loop, 2^46 rounds, for every packet that is longer than 60 bytes: a run that nobody waits for.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, __u64);
	__uint(max_entries, 1);
} begun SEC(".maps");

static long inner(__u32 round, void *context)
{
	return 0;
}

static long outer(__u32 round, void *context)
{
	bpf_loop(1 << 23, inner, 0, 0);
	return 0;
}

SEC("xdp")
int forever(struct xdp_md *packet)
{
	__u32 key = 0;
	__u64 *runs = bpf_map_lookup_elem(&begun, &key);

	if (runs)
		__sync_fetch_and_add(runs, 1);
	if (packet->data_end - packet->data > 60)
		bpf_loop(1 << 23, outer, 0, 0);
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
