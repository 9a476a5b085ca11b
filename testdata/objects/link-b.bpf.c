// SPDX-License-Identifier: MIT
// Static linking, second half: see link-a.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct shared { __u64 packets; int last; };

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, struct shared);
} table SEC(".maps");
int limit = 8;
const volatile int setting = 9;
static int hidden_state = 20;
int weak_variable __weak = 200;
extern int total SEC(".data");
extern int from_a(int a);
extern int LINUX_KERNEL_VERSION __kconfig;

static __noinline int same_name(int a) { return a - hidden_state - (int)bpf_ktime_get_ns(); }
__noinline int from_b(int a) { return same_name(a) - total; }
__weak __noinline int weak_function(int a) { return a + 2 + (int)bpf_ktime_get_ns(); }

SEC("socket") int program_b(struct __sk_buff *skb)
{
	hidden_state--;
	return from_a(skb->len) + weak_function(LINUX_KERNEL_VERSION) + weak_variable;
}

SEC("tc") int only_in_b(struct __sk_buff *skb) { return limit; }

char LICENSE[] SEC("license") = "GPL";
