// SPDX-License-Identifier: MIT
// build: - clang -mcpu=v3
// build: gcc gcc -gbtf
// Maps in .maps, described by BTF, by both compilers.
#include <linux/bpf.h>

#define SEC(name) __attribute__((section(name), used))
#define __uint(name, val) int(*name)[val]
#define __type(name, val) typeof(val) *name

static void *(*map_lookup)(void *map, const void *key) = (void *)BPF_FUNC_map_lookup_elem;

struct value { long count; short kind; };

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4);
	__type(key, int);
	__type(value, struct value);
} counts SEC(".maps");

int limit = 3;
const volatile int setting = 4;

SEC("socket") int program(struct __sk_buff *skb)
{
	int key = skb->len & 3;
	struct value *value = map_lookup(&counts, &key);

	if (value)
		value->count += limit;
	return setting;
}

char LICENSE[] SEC("license") = "GPL";
