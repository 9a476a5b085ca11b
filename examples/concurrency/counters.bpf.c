// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * One event counted in four ways, for CPUs that do so at the same time.
 *
 *   plain     load, add 1, store: what another CPU stored in between is lost
 *   atomic    one instruction that no other CPU comes in between of
 *   spin      load, add 1, store, under the lock that the value has
 *   per_cpu   each CPU has a counter of its own, and whoever reads them adds them up
 *
 * nothing does all that the others do but count: what a run costs by itself.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define TC_ACT_OK 0

struct guarded {
	struct bpf_spin_lock lock;
	__u64 value;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} shared SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct guarded);
} guarded SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} own SEC(".maps");

static __always_inline void *counter_of(void *map)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(map, &zero);
}

SEC("tc")
int nothing(struct __sk_buff *skb)
{
	/* The test keeps the lookup in the program. */
	return counter_of(&shared) ? TC_ACT_OK : 1;
}

SEC("tc")
int plain(struct __sk_buff *skb)
{
	__u64 *counter = counter_of(&shared);

	if (counter)
		*counter += 1;
	return TC_ACT_OK;
}

SEC("tc")
int atomic(struct __sk_buff *skb)
{
	__u64 *counter = counter_of(&shared);

	if (counter)
		__sync_fetch_and_add(counter, 1);
	return TC_ACT_OK;
}

SEC("tc")
int spin(struct __sk_buff *skb)
{
	struct guarded *counter = counter_of(&guarded);

	if (counter) {
		bpf_spin_lock(&counter->lock);
		counter->value += 1;
		bpf_spin_unlock(&counter->lock);
	}
	return TC_ACT_OK;
}

SEC("tc")
int per_cpu(struct __sk_buff *skb)
{
	__u64 *counter = counter_of(&own);

	if (counter)
		*counter += 1;
	return TC_ACT_OK;
}

/* Tracing programs run anywhere, also where the lock is held already: the verifier refuses this one. */
SEC("?raw_tp/sched_switch")
int spin_while_tracing(void *ctx)
{
	struct guarded *counter = counter_of(&guarded);

	if (counter) {
		bpf_spin_lock(&counter->lock);
		counter->value += 1;
		bpf_spin_unlock(&counter->lock);
	}
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
