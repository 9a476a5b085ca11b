// SPDX-License-Identifier: MIT
// Global data: .data, .rodata, .bss, and sections with names of their own; static and global, with gaps and arrays.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct settings { __u8 mode; __u32 limit; __u64 mask; };

int in_data = 42;
static volatile long static_data = -7;
const volatile struct settings settings = { .mode = 3, .limit = 1000, .mask = 0xff00ff00ff00ff00 };
static const volatile char greeting[] = "hello";
__u64 in_bss;
static volatile char static_bss[3];
__u8 bss_after_gap __attribute__((aligned(16)));

int mine SEC(".data.mine") = 1;
int hers SEC(".data.hers") = 2;
const volatile int limits[4] SEC(".rodata.limits") = { 1, 2, 3, 4 };
int counters[8];

SEC("socket") int program(struct __sk_buff *skb)
{
	in_bss += in_data + static_data + settings.limit + greeting[skb->len & 3];
	static_bss[1]++;
	bss_after_gap = mine + hers;
	counters[skb->len & 7] += limits[skb->mark & 3];
	return settings.mode;
}

char LICENSE[] SEC("license") = "GPL";
