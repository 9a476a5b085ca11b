// SPDX-License-Identifier: MIT
// Static linking, first half: uses what link-b defines, defines what link-b uses. Both have a weak function and a weak
// variable of one name, a static function and a static variable of one name, and the same licence.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct shared { __u64 packets; int last; };

extern struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, struct shared);
} table SEC(".maps");
extern int limit SEC(".data");
extern const volatile int setting SEC(".rodata");
extern int from_b(int a);
extern int LINUX_KERNEL_VERSION __kconfig;

int total = 1;
static int hidden_state = 10;
int weak_variable __weak = 100;

static __noinline int same_name(int a) { return a + hidden_state + (int)bpf_ktime_get_ns(); }
__noinline int from_a(int a) { return same_name(a) + total; }
__weak __noinline int weak_function(int a) { return a + 1 + (int)bpf_ktime_get_ns(); }

SEC("socket") int program_a(struct __sk_buff *skb)
{
	__u32 key = 0;
	struct shared *shared = bpf_map_lookup_elem(&table, &key);

	if (shared)
		shared->packets += from_b(limit) + setting + weak_function(weak_variable);
	hidden_state++;
	return LINUX_KERNEL_VERSION > 0 ? from_a(skb->len) : 0;
}

char LICENSE[] SEC("license") = "GPL";
