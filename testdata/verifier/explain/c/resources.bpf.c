// Mistakes as programs make them, each with the line where the needed fact is lost, or should have been made sure of,
// marked by hand: "CAUSE", and the program's name where it is not the function above. Where the compiler gives an instruction
// the line of another statement, the mark is on that.
// clang -O2 -g -target bpf -D__TARGET_ARCH_x86 -c resources.bpf.c && llvm-strip -g resources.bpf.o (clang 14, libbpf 1.1)
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
int not_submitted(struct __sk_buff *skb)
{
	struct event *e = bpf_ringbuf_reserve(&ring, sizeof(*e), 0); // CAUSE
	if (!e)
		return 0;
	if (skb->len > 1000)
		return 1;
	e->len = skb->len;
	bpf_ringbuf_submit(e, 0);
	return 0;
}

SEC("tc")
int not_released(struct __sk_buff *skb)
{
	struct bpf_sock_tuple t = {};
	struct bpf_sock *sk = bpf_sk_lookup_udp(skb, &t, sizeof(t.ipv4), BPF_F_CURRENT_NETNS, 0); // CAUSE
	if (!sk)
		return 0;
	return sk->state == 1;
}

SEC("tc")
int twice(struct __sk_buff *skb)
{
	struct bpf_sock_tuple t = {};
	struct bpf_sock *sk = bpf_sk_lookup_udp(skb, &t, sizeof(t.ipv4), BPF_F_CURRENT_NETNS, 0);
	if (!sk)
		return 0;
	if (sk->state == 1)
		bpf_sk_release(sk); // CAUSE
	bpf_sk_release(sk);
	return 0;
}

SEC("tc")
int after_submit(struct __sk_buff *skb)
{
	struct event *e = bpf_ringbuf_reserve(&ring, sizeof(*e), 0);
	if (!e)
		return 0;
	e->len = 1;
	bpf_ringbuf_submit(e, 0); // CAUSE
	return e->len;
}

SEC("tc")
int release_skb_sk(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk; // CAUSE
	if (!sk)
		return 0;
	bpf_sk_release(sk);
	return 0;
}

struct lv { struct bpf_spin_lock lock; __u32 n; __u32 max; };

struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(max_entries, 4); __type(key, __u32); __type(value, struct lv); } locks SEC(".maps");

SEC("tc")
int lock_update(struct __sk_buff *skb)
{
	__u32 key = 0, one = 1;
	struct lv *v = bpf_map_lookup_elem(&locks, &key);
	if (!v)
		return 0;
	bpf_spin_lock(&v->lock); // CAUSE
	v->n++;
	bpf_map_delete_elem(&vals, &one);
	bpf_spin_unlock(&v->lock);
	return 0;
}

SEC("tc")
int lock_leave(struct __sk_buff *skb)
{
	__u32 key = 0;
	struct lv *v = bpf_map_lookup_elem(&locks, &key);
	if (!v)
		return 0;
	bpf_spin_lock(&v->lock);
	if (v->n >= v->max) // CAUSE
		return 1;
	v->n++;
	bpf_spin_unlock(&v->lock);
	return 0;
}

SEC("tc")
int lock_two(struct __sk_buff *skb)
{
	__u32 a = 0, b = 1;
	struct lv *v = bpf_map_lookup_elem(&locks, &a), *w = bpf_map_lookup_elem(&locks, &b);
	if (!v || !w)
		return 0;
	bpf_spin_lock(&v->lock); // CAUSE
	bpf_spin_lock(&w->lock);
	w->n = v->n;
	bpf_spin_unlock(&w->lock);
	bpf_spin_unlock(&v->lock);
	return 0;
}

SEC("tc")
int lock_other(struct __sk_buff *skb)
{
	__u32 a = 0, b = 1;
	struct lv *v = bpf_map_lookup_elem(&locks, &a);
	struct lv *w = bpf_map_lookup_elem(&locks, &b); // CAUSE
	if (!v || !w)
		return 0;
	bpf_spin_lock(&v->lock);
	v->n++;
	bpf_spin_unlock(&w->lock);
	return 0;
}
