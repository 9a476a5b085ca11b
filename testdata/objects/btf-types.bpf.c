// SPDX-License-Identifier: MIT
// Kinds of BTF that clang 14 writes: int, ptr, array, struct, union, enum, fwd, typedef, volatile, const, restrict, func,
// func_proto, var, datasec, float, decl_tag, type_tag; bit fields, anonymous members, recursion, flexible arrays.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct forward;
union forward_union;
enum colour { RED = -1, GREEN = 0, BLUE = 0x7fffffff };
typedef int (*callback_t)(const char *restrict name, ...);
typedef unsigned char mac_t[6];

struct node {
	struct node *next;
	struct forward *incomplete;
	union forward_union *also;
	volatile const int *const *pointers;
	unsigned a : 3, b : 5;
	int : 4;
	signed c : 7;
	union {
		__u64 as_number;
		struct { __u32 low, high; };
	};
	enum colour colour __attribute__((btf_decl_tag("a tag of a member")));
	callback_t callback;
	mac_t macs[2][3];
	double ratio;
	float small;
	_Bool flag;
	int __attribute__((btf_type_tag("user"))) *user_pointer;
	char name[];
} __attribute__((btf_decl_tag("a tag of a struct")));

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, mac_t);
	__type(value, struct node *);
} nodes SEC(".maps");

enum colour favourite = BLUE;
struct node *head;
__int128 big;

__attribute__((btf_decl_tag("a tag of a function"))) __noinline
int tagged(struct __sk_buff *skb, int depth __attribute__((btf_decl_tag("a tag of an argument"))))
{
	return skb->len + depth;
}

SEC("socket") int program(struct __sk_buff *skb)
{
	big += skb->len;
	return tagged(skb, 3) + favourite + (head != 0);
}

char LICENSE[] SEC("license") = "GPL";
