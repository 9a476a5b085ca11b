// Mistakes as programs make them, each with the line where the needed fact is lost, or should have been made sure of,
// marked by hand: "CAUSE", and the program's name where it is not the function above. Where the compiler gives an instruction
// the line of another statement, the mark is on that.
// clang -O2 -g -target bpf -D__TARGET_ARCH_x86 -c nulls.bpf.c && llvm-strip -g nulls.bpf.o (clang 14, libbpf 1.1)
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/udp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "GPL";

/* As the tracepoints of system calls have it. */
struct sys_enter {
	__u64 common;
	__s64 id;
	__u64 args[6];
};
struct val {
	__u32 count;
	__u32 idx;
	__u8 items[100];
};
struct event {
	__u32 pid;
	__u32 len;
	char comm[16];
	char data[64];
};
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, __u32);
	__type(value, struct val);
} vals SEC(".maps");
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64[16]);
} arr SEC(".maps");
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} ring SEC(".maps");

SEC("tc")
int unchecked(struct __sk_buff *skb)
{
	__u32 key = skb->mark;
	struct val *v = bpf_map_lookup_elem(&vals, &key); // CAUSE
	__u32 n = skb->len;
	if (n > 100)
		n = 100;
	v->count += n;
	return 0;
}

SEC("tc")
int other_tested(struct __sk_buff *skb)
{
	__u32 a = skb->mark, b = skb->priority;
	struct val *x = bpf_map_lookup_elem(&vals, &a);
	struct val *y = bpf_map_lookup_elem(&vals, &b); // CAUSE
	if (!x)
		return 0;
	y->count = x->count;
	return 0;
}

SEC("tc")
int ring_unchecked(struct __sk_buff *skb)
{
	struct event *e = bpf_ringbuf_reserve(&ring, sizeof(*e), 0); // CAUSE
	e->len = skb->len;
	bpf_ringbuf_submit(e, 0);
	return 0;
}

SEC("tc")
int after_update(struct __sk_buff *skb)
{
	__u32 key = skb->mark;
	struct val zero = {}, *v;
	v = bpf_map_lookup_elem(&vals, &key);
	if (!v) {
		bpf_map_update_elem(&vals, &key, &zero, BPF_ANY);
		v = bpf_map_lookup_elem(&vals, &key); // CAUSE
	}
	v->count++;
	return 0;
}

SEC("tc")
int or_condition(struct __sk_buff *skb)
{
	__u32 key = skb->mark;
	struct val *v = bpf_map_lookup_elem(&vals, &key);
	if (skb->len < 64 && !v) // CAUSE
		return 0;
	v->count++;
	return 0;
}

SEC("tc")
int fullsock(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;
	if (!sk)
		return 0;
	sk = bpf_sk_fullsock(sk); // CAUSE
	return sk->type;
}

SEC("tc")
int tcpsock(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk; // CAUSE
	struct bpf_tcp_sock *tp = bpf_tcp_sock(sk);
	return tp ? tp->snd_cwnd : 0;
}

struct { __uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS); __uint(max_entries, 2); __type(key, __u32);
	__array(values, struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 1); __type(key, __u32); __type(value, __u64); }); } outer SEC(".maps");

SEC("tc")
int inner(struct __sk_buff *skb)
{
	__u32 key = 0;
	void *m = bpf_map_lookup_elem(&outer, &key); // CAUSE
	__u64 *v = bpf_map_lookup_elem(m, &key);
	return v ? *v : 0;
}

static __noinline struct val *find(struct __sk_buff *skb)
{
	__u32 key = skb->mark;
	return bpf_map_lookup_elem(&vals, &key); // CAUSE call_find
}

SEC("tc")
int call_find(struct __sk_buff *skb)
{
	struct val *v = find(skb);
	v->count = 1;
	return 0;
}
