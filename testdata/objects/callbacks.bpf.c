// SPDX-License-Identifier: MIT
// Functions as values: LD_IMM64 of a function for bpf_for_each_map_elem, bpf_loop and a timer.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct timed { struct bpf_timer timer; __u64 fired; };

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, struct timed);
} timers SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16);
	__type(key, __u32);
	__type(value, __u64);
} counts SEC(".maps");

static long sum(void *map, __u32 *key, __u64 *value, __u64 *total)
{
	*total += *value;
	return 0;
}

static long step(__u32 index, void *context)
{
	__u64 one = 1;

	bpf_map_update_elem(&counts, &index, &one, BPF_ANY);
	return index == 8;
}

static int fire(void *map, int *key, struct timed *value)
{
	value->fired++;
	return 0;
}

SEC("tc") int program(struct __sk_buff *skb)
{
	__u64 total = 0;
	__u32 key = 0;
	struct timed *timed = bpf_map_lookup_elem(&timers, &key);

	bpf_loop(16, step, 0, 0);
	bpf_for_each_map_elem(&counts, sum, &total, 0);
	if (timed && !bpf_timer_init(&timed->timer, &timers, 1)) {
		bpf_timer_set_callback(&timed->timer, fire);
		bpf_timer_start(&timed->timer, 1000, 0);
	}
	return total;
}

char LICENSE[] SEC("license") = "GPL";
