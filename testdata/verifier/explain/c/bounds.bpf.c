// Mistakes as programs make them, each with the line where the needed fact is lost, or should have been made sure of,
// marked by hand: "CAUSE", and the program's name where it is not the function above. Where the compiler gives an instruction
// the line of another statement, the mark is on that.
// clang -O2 -g -target bpf -D__TARGET_ARCH_x86 -c bounds.bpf.c && llvm-strip -g bounds.bpf.o (clang 14, libbpf 1.1)
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
int signed_index(struct __sk_buff *skb)
{
	__u32 key = 0;
	__u64 *v = bpf_map_lookup_elem(&arr, &key);
	int i = skb->mark;
	if (!v) // CAUSE
		return 0;
	if (i >= 16)
		return 0;
	return v[i];
}

SEC("tc")
int off_by_one(struct __sk_buff *skb)
{
	__u32 key = 0, i = skb->mark;
	__u64 *v = bpf_map_lookup_elem(&arr, &key);
	if (!v) // CAUSE
		return 0;
	if (i > 16)
		return 0;
	v[i] = 1;
	return 0;
}

SEC("tc")
int byte_index(struct __sk_buff *skb)
{
	__u32 key = 0;
	struct val *v = bpf_map_lookup_elem(&vals, &key);
	__u8 b;
	if (!v)
		return 0;
	b = v->items[5]; // CAUSE
	v->items[b] = 1;
	return 0;
}

SEC("tc")
int remainder(struct __sk_buff *skb)
{
	__u32 key = 0;
	__u64 *v = bpf_map_lookup_elem(&arr, &key);
	if (!v)
		return 0;
	v[skb->hash % 20]++; // CAUSE
	return 0;
}

SEC("tc")
int shift(struct __sk_buff *skb)
{
	__u32 key = 0;
	__u64 *v = bpf_map_lookup_elem(&arr, &key);
	__u32 h = skb->hash;
	if (!v)
		return 0;
	h >>= 26; // CAUSE
	if (skb->len > 5)
		v[h]++;
	return 0;
}

SEC("tc")
int map_index(struct __sk_buff *skb)
{
	__u32 key = 0;
	struct val *v = bpf_map_lookup_elem(&vals, &key);
	if (!v)
		return 0;
	v->items[v->idx] = 1; // CAUSE
	return 0;
}

SEC("tc")
int stack_index(struct __sk_buff *skb)
{
	char buf[16] = {};
	__u32 i = skb->mark; // CAUSE
	bpf_skb_load_bytes(skb, 0, buf, sizeof(buf));
	return buf[i];
}

SEC("tc")
int too_late(struct __sk_buff *skb)
{
	__u32 key = 0, i = skb->mark; // CAUSE
	__u64 *v = bpf_map_lookup_elem(&arr, &key);
	if (!v)
		return 0;
	v[i] = 1;
	if (i >= 16)
		return 1;
	return 0;
}

SEC("tc")
int sum(struct __sk_buff *skb)
{
	__u32 key = 0, a = skb->mark, b = skb->priority;
	__u64 *v = bpf_map_lookup_elem(&arr, &key);
	if (!v || a >= 16 || b >= 16) // CAUSE
		return 0;
	v[a + b]++;
	return 0;
}

SEC("tracepoint/syscalls/sys_enter_write")
int size_signed(struct sys_enter *ctx)
{
	char buf[64];
	int n = ctx->args[2];
	if (n > 64) // CAUSE
		return 0;
	bpf_probe_read_user(buf, n, (void *)ctx->args[1]);
	bpf_printk("%s", buf);
	return 0;
}

SEC("tracepoint/syscalls/sys_enter_write")
int size_free(struct sys_enter *ctx)
{
	char buf[64];
	__u64 n = ctx->args[2]; // CAUSE
	bpf_probe_read_user(buf, n, (void *)ctx->args[1]);
	bpf_printk("%s", buf);
	return 0;
}

SEC("tracepoint/syscalls/sys_enter_write")
int size_mask(struct sys_enter *ctx)
{
	char buf[64];
	__u64 n = ctx->args[2];
	n &= 127;
	bpf_probe_read_user(buf, n, (void *)ctx->args[1]); // CAUSE
	bpf_printk("%s", buf);
	return 0;
}

SEC("tracepoint/syscalls/sys_enter_write")
int ring_size(struct sys_enter *ctx)
{
	__u64 n = ctx->args[2]; // CAUSE
	char *e;
	if (n > 256)
		return 0;
	e = bpf_ringbuf_reserve(&ring, n, 0);
	if (e)
		bpf_ringbuf_submit(e, 0);
	return 0;
}

SEC("tracepoint/syscalls/sys_enter_write")
int dst_off(struct sys_enter *ctx)
{
	struct event *e = bpf_ringbuf_reserve(&ring, sizeof(*e), 0);
	__u32 off;
	if (!e)
		return 0;
	off = ctx->args[2];
	off &= 63; // CAUSE
	bpf_probe_read_user(e->data + off, 32, (void *)ctx->args[1]);
	bpf_ringbuf_submit(e, 0);
	return 0;
}

SEC("tc")
int negative(struct __sk_buff *skb)
{
	__u32 key = 0;
	struct val *v = bpf_map_lookup_elem(&vals, &key);
	signed char c;
	if (!v)
		return 0;
	c = v->items[0]; // CAUSE
	v->items[20 + c] = 1;
	return 0;
}
