// Mistakes as programs make them, each with the line where the needed fact is lost, or should have been made sure of,
// marked by hand: "CAUSE", and the program's name where it is not the function above. Where the compiler gives an instruction
// the line of another statement, the mark is on that.
// clang -O2 -g -target bpf -D__TARGET_ARCH_x86 -c tools.bpf.c && llvm-strip -g tools.bpf.o (clang 14, libbpf 1.1)
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

struct conn { __u64 bytes; __u32 pkts; __u16 port; char name[16]; };

struct { __uint(type, BPF_MAP_TYPE_LRU_HASH); __uint(max_entries, 64); __type(key, __u32); __type(value, struct conn); } conns SEC(".maps");

struct { __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY); __uint(max_entries, 2); __type(key, __u32); __type(value, struct conn); } scratch SEC(".maps");

SEC("xdp")
int count_src(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *data_end = (void *)(long)ctx->data_end;
	struct iphdr *ip = data + 14;
	struct conn *c;
	if ((void *)(ip + 1) > data_end)
		return XDP_PASS;
	__u32 src = ip->saddr;
	c = bpf_map_lookup_elem(&conns, &src); // CAUSE
	c->pkts++;
	c->bytes += data_end - data;
	return XDP_PASS;
}

SEC("tracepoint/syscalls/sys_enter_execve")
int exec_args(struct sys_enter *ctx)
{
	__u32 zero = 0;
	struct conn *c = bpf_map_lookup_elem(&scratch, &zero);
	const char *const *argv = (void *)ctx->args[1]; // CAUSE
	if (!c)
		return 0;
	const char *arg = argv[0];
	bpf_probe_read_user_str(c->name, sizeof(c->name), arg);
	return 0;
}

SEC("tracepoint/syscalls/sys_enter_execve")
int str_len(struct sys_enter *ctx)
{
	__u32 zero = 0;
	struct conn *c = bpf_map_lookup_elem(&scratch, &zero);
	if (!c)
		return 0;
	long n = bpf_probe_read_user_str(c->name, sizeof(c->name), (void *)ctx->args[0]); // CAUSE
	bpf_ringbuf_output(&ring, c, n, 0);
	return 0;
}

SEC("tracepoint/syscalls/sys_enter_execve")
int str_append(struct sys_enter *ctx)
{
	__u32 zero = 0;
	struct conn *c = bpf_map_lookup_elem(&scratch, &zero);
	if (!c)
		return 0;
	__u32 n = bpf_probe_read_user_str(c->name, sizeof(c->name), (void *)ctx->args[0]);
	if (n > 15) // CAUSE
		return 0;
	bpf_probe_read_user_str(c->name + n, sizeof(c->name), (void *)ctx->args[1]);
	return 0;
}

SEC("tc")
int name_end(struct __sk_buff *skb)
{
	__u32 k = skb->mark;
	struct conn *c = bpf_map_lookup_elem(&conns, &k);
	if (!c)
		return 0;
	__u32 n = c->pkts;
	if (n < 16) // CAUSE
		n = 16;
	c->name[n] = 0;
	return 0;
}

SEC("tc")
int min_size(struct __sk_buff *skb)
{
	char hdr[32] = {};
	__u32 n = skb->len;
	bpf_skb_load_bytes(skb, 0, hdr, n); // CAUSE
	return hdr[0];
}

SEC("tc")
int zero_size(struct __sk_buff *skb)
{
	char hdr[32] = {};
	__u32 n = skb->len & 31; // CAUSE
	bpf_skb_load_bytes(skb, 0, hdr, n);
	return hdr[0];
}

SEC("xdp")
int vlan(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *data_end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = data;
	__u16 proto;
	int off = sizeof(*eth);
	if (data + off > data_end) // CAUSE
		return XDP_PASS;
	proto = eth->h_proto;
	if (proto == bpf_htons(0x8100)) {
		proto = *(__u16 *)(data + off + 2);
		off += 4;
	}
	return proto == 8 ? XDP_DROP : XDP_PASS;
}

SEC("xdp")
int backwards(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *data_end = (void *)(long)ctx->data_end;
	__u8 *last = data_end - 1; // CAUSE
	if ((void *)last < data)
		return XDP_PASS;
	return *last;
}

SEC("xdp")
int plen(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *data_end = (void *)(long)ctx->data_end;
	__u32 len = data_end - data;
	__u8 *p = data;
	if (len < 20) // CAUSE
		return XDP_PASS;
	return p[10];
}

SEC("xdp")
int load_all(struct xdp_md *ctx)
{
	char b[16];
	void *data = (void *)(long)ctx->data, *data_end = (void *)(long)ctx->data_end;
	if (data + 8 > data_end) // CAUSE
		return XDP_PASS;
	__builtin_memcpy(b, data, sizeof(b));
	bpf_printk("%s", b);
	return XDP_PASS;
}

SEC("xdp")
int key_in_packet(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *data_end = (void *)(long)ctx->data_end;
	struct iphdr *ip = data + 14;
	if (data + 28 > data_end) // CAUSE
		return XDP_PASS;
	struct conn *c = bpf_map_lookup_elem(&conns, &ip->daddr);
	return c ? XDP_DROP : XDP_PASS;
}

SEC("tc")
int csum(struct __sk_buff *skb)
{
	void *data = (void *)(long)skb->data, *data_end = (void *)(long)skb->data_end;
	struct iphdr *ip = data + 14;
	if ((void *)(ip + 1) > data_end)
		return 0;
	__u32 old = ip->saddr;
	bpf_l3_csum_replace(skb, 24, old, 7, 4); // CAUSE
	ip->saddr = 7;
	return 0;
}

SEC("tc")
int redirect(struct __sk_buff *skb)
{
	void *data = (void *)(long)skb->data, *data_end = (void *)(long)skb->data_end;
	struct ethhdr *eth = data;
	if ((void *)(eth + 1) > data_end)
		return 0;
	if (bpf_clone_redirect(skb, 1, 0)) // CAUSE
		return 2;
	if (eth->h_dest[0] & 1)
		return 1;
	return 0;
}
