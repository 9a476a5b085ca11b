// SPDX-License-Identifier: MIT
// build: - clang -mcpu=v3
// build: gcc gcc
// build: gcc-btf gcc -gbtf
// build: gcc-debug gcc -g
// A map, global data and helper calls, by both compilers; gcc-bpf 12 with BTF, with DWARF, and with neither.
#include <linux/bpf.h>

#define SEC(name) __attribute__((section(name), used))

static void *(*map_lookup)(void *map, const void *key) = (void *)BPF_FUNC_map_lookup_elem;

struct bpf_map_def {
	unsigned int type;
	unsigned int key_size;
	unsigned int value_size;
	unsigned int max_entries;
	unsigned int map_flags;
};

struct bpf_map_def counts SEC("maps") = {
	.type = BPF_MAP_TYPE_ARRAY,
	.key_size = sizeof(int),
	.value_size = sizeof(long),
	.max_entries = 4,
};

int limit = 3;
const volatile int setting = 4;
long total;

SEC("socket") int program(struct __sk_buff *skb)
{
	int key = skb->len & 3;
	long *count = map_lookup(&counts, &key);

	if (count)
		*count += limit;
	total += setting;
	return total;
}

char LICENSE[] SEC("license") = "GPL";
