// Mistakes as programs make them, each with the line where the needed fact is lost, or should have been made sure of,
// marked by hand: "CAUSE", and the program's name where it is not the function above. Where the compiler gives an instruction
// the line of another statement, the mark is on that.
// clang -O2 -g -target bpf -D__TARGET_ARCH_x86 -c packets.bpf.c && llvm-strip -g packets.bpf.o (clang 14, libbpf 1.1)
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

SEC("xdp")
int short_check(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *data_end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = data;
	struct iphdr *ip;
	if (data + sizeof(*eth) > data_end) // CAUSE
		return XDP_PASS;
	if (eth->h_proto != bpf_htons(ETH_P_IP))
		return XDP_PASS;
	ip = data + sizeof(*eth);
	return ip->protocol == 17 ? XDP_DROP : XDP_PASS;
}

SEC("xdp")
int no_check(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data; // CAUSE
	struct ethhdr *eth = data;
	return eth->h_proto == 8 ? XDP_DROP : XDP_PASS;
}

SEC("xdp")
int wrong_way(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *data_end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = data;
	if (data + sizeof(*eth) < data_end) // CAUSE
		return XDP_PASS;
	return eth->h_proto == 8 ? XDP_DROP : XDP_PASS;
}

SEC("xdp")
int options(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *data_end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = data;
	struct iphdr *ip = data + sizeof(*eth);
	struct udphdr *udp;
	if ((void *)(ip + 1) + sizeof(*udp) > data_end)
		return XDP_PASS;
	if (ip->version != 4)
		return XDP_PASS;
	udp = (void *)ip + ip->ihl * 4; // CAUSE
	return udp->dest == bpf_htons(53) ? XDP_DROP : XDP_PASS;
}

SEC("xdp")
int unbounded_len(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *data_end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = data;
	struct iphdr *ip = data + sizeof(*eth); // CAUSE
	__u8 *last;
	if ((void *)(ip + 1) > data_end)
		return XDP_PASS;
	last = (void *)ip + bpf_ntohl(ip->daddr);
	if ((void *)(last + 1) > data_end)
		return XDP_PASS;
	return *last ? XDP_DROP : XDP_PASS;
}

SEC("xdp")
int tail(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *data_end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = data;
	if (data + sizeof(*eth) > data_end)
		return XDP_PASS;
	bpf_xdp_adjust_tail(ctx, -4); // CAUSE
	eth->h_proto = 0;
	return XDP_TX;
}

SEC("tc")
int stored(struct __sk_buff *skb)
{
	void *data = (void *)(long)skb->data, *data_end = (void *)(long)skb->data_end;
	struct ethhdr *eth = data;
	__u16 proto = 0;
	if (data + sizeof(*eth) > data_end)
		return 0;
	bpf_skb_store_bytes(skb, 12, &proto, 2, 0); // CAUSE
	return eth->h_source[0];
}

static __noinline int push(struct __sk_buff *skb)
{
	return bpf_skb_vlan_push(skb, 0x81, 3);
}

SEC("tc")
int pushed(struct __sk_buff *skb)
{
	void *data = (void *)(long)skb->data, *data_end = (void *)(long)skb->data_end;
	struct ethhdr *eth = data;
	if (data + sizeof(*eth) > data_end)
		return 0;
	push(skb); // CAUSE
	return eth->h_source[0];
}

SEC("xdp")
int walk(struct xdp_md *ctx)
{
	unsigned char *p = (void *)(long)ctx->data, *data_end = (void *)(long)ctx->data_end;
	int sum = 0;
	if (p + 20 > data_end) // CAUSE
		return XDP_PASS;
	#pragma clang loop unroll(disable)
	for (int i = 0; i < 32; i++)
		sum += p[i];
	return sum > 100 ? XDP_DROP : XDP_PASS;
}

SEC("xdp")
int equal_end(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *data_end = (void *)(long)ctx->data_end;
	__u8 *p = data;
	if (data == data_end) // CAUSE
		return XDP_PASS;
	return *p;
}

SEC("xdp")
int meta(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *m = (void *)(long)ctx->data_meta, *data_end = (void *)(long)ctx->data_end;
	__u32 *mark = m;
	if ((void *)(mark + 1) > data_end) // CAUSE
		return XDP_PASS;
	return *mark;
}

SEC("socket")
int filter(struct __sk_buff *skb)
{
	void *data = (void *)(long)skb->data; // CAUSE
	return data != 0;
}
