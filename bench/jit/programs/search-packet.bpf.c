// SPDX-License-Identifier: MIT
// Binary search in a sorted list that is in the packet itself, behind the keys that are looked for.
#include "program.h"

#define KEYS 8
#define ENTRIES 128

/* Where the key is, from 1; 0 where it is not. Global: the verifier looks at it once. */
__noinline __u32 place_of(struct xdp_md *ctx, __u32 key)
{
	PACKET(packet, 4 * (KEYS + ENTRIES));
	__u32 *list = (__u32 *)packet + KEYS;
	__u32 low = 0, high = ENTRIES;

	ROLLED
	for (int step = 0; step < 8 && low < high; step++) {
		__u32 middle = (low + high) / 2;
		__u32 entry = list[middle & (ENTRIES - 1)];

		if (entry == key)
			return middle + 1;
		if (entry < key)
			low = middle + 1;
		else
			high = middle;
	}
	return 0;
}

SEC("xdp") int program(struct xdp_md *ctx)
{
	PACKET(packet, 4 * KEYS);
	__u32 keys[KEYS], found = 0;

	for (int i = 0; i < KEYS; i++)
		keys[i] = ((__u32 *)packet)[i];
	ROLLED
	for (int i = 0; i < KEYS; i++)
		found = found * 3 + place_of(ctx, keys[i]);
	return found;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
