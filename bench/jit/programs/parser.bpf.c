// SPDX-License-Identifier: MIT
// Headers: Ethernet, VLAN tags, IPv4 with its sum, IPv6 with extensions, UDP tunnels, TCP with its options. What is
// found is mixed into the result. Protocols are global functions from one offset to the next: the verifier looks at
// each once.
#include "program.h"

#define TUNNEL_PORT 4789
#define MIX(value) (result = rotate32(result, 5) + (value))
/* What comes behind a header: its protocol, and where. */
#define NEXT(protocol, at) ((protocol) << 16 | (at))
#define NOTHING ~0u

enum { ETH_VLAN = 0x8100, ETH_QINQ = 0x88a8, ETH_IPV4 = 0x0800, ETH_IPV6 = 0x86dd };
enum { HOP_BY_HOP = 0, TCP = 6, UDP = 17, ROUTING = 43, DESTINATION = 60 };

/* `size` bytes at an offset, or nothing. */
static __always_inline __u8 *bytes_at(struct xdp_md *ctx, __u32 offset, __u32 size)
{
	__u8 *at = (__u8 *)(long)ctx->data + (offset & 2047);

	return at + size > (__u8 *)(long)ctx->data_end ? 0 : at;
}

__noinline __u32 ethernet(struct xdp_md *ctx, __u32 offset)
{
	__u8 *header = bytes_at(ctx, offset, 14);
	__u32 type;

	if (!header)
		return NOTHING;
	type = half_at(header + 12);
	offset += 14;
	ROLLED
	for (int i = 0; i < 2 && (type == ETH_VLAN || type == ETH_QINQ); i++) {
		header = bytes_at(ctx, offset, 4);
		if (!header)
			return NOTHING;
		type = half_at(header + 2);
		offset += 4;
	}
	return NEXT(type, offset);
}

/* Only behind a header whose sum is right comes anything. */
__noinline __u32 ipv4(struct xdp_md *ctx, __u32 offset)
{
	__u8 *header = bytes_at(ctx, offset, 20);
	__u32 sum = 0, protocol, length;

	if (!header || header[0] >> 4 != 4)
		return NOTHING;
	length = (header[0] & 15) * 4;
	protocol = header[9];
	if (length < 20)
		return NOTHING;
	for (int i = 0; i < 20; i += 2)
		sum += half_at(header + i);
	ROLLED
	for (__u32 i = 20; i < 60 && i < length; i += 4) {
		__u8 *option = bytes_at(ctx, offset + i, 4);

		if (!option)
			return NOTHING;
		sum += half_at(option) + half_at(option + 2);
	}
	sum = (sum & 0xffff) + (sum >> 16);
	if (((sum & 0xffff) + (sum >> 16)) != 0xffff)
		return NOTHING;
	return NEXT(protocol, offset + length);
}

__noinline __u32 ipv6(struct xdp_md *ctx, __u32 offset)
{
	__u8 *header = bytes_at(ctx, offset, 40);
	__u32 next;

	if (!header || header[0] >> 4 != 6)
		return NOTHING;
	next = header[6];
	offset += 40;
	ROLLED
	for (int i = 0; i < 4 && (next == HOP_BY_HOP || next == ROUTING || next == DESTINATION); i++) {
		__u8 *extension = bytes_at(ctx, offset, 8);

		if (!extension)
			return NOTHING;
		next = extension[0];
		offset = (offset + 8 + extension[1] * 8) & 2047;
	}
	return NEXT(next, offset);
}

/* Addresses of both, mixed. */
__noinline __u32 addresses(struct xdp_md *ctx, __u32 offset, __u32 type)
{
	__u8 *header = bytes_at(ctx, offset, 20);
	__u32 result = 0;

	if (!header)
		return 0;
	if (type == ETH_IPV4)
		return word_at(header + 12) ^ word_at(header + 16);
	header = bytes_at(ctx, offset, 40);
	if (!header)
		return 0;
	for (int i = 8; i < 40; i += 4)
		MIX(word_at(header + i));
	return result;
}

__noinline __u32 tcp(struct xdp_md *ctx, __u32 offset)
{
	__u8 *header = bytes_at(ctx, offset, 20);
	__u32 result = 0, options;

	if (!header)
		return 0;
	MIX(word_at(header));
	options = (header[12] >> 4) * 4;
	ROLLED
	for (__u32 i = 0, at = 20; i < 12 && at < options; i++) {
		__u8 *option = bytes_at(ctx, offset + at, 2);

		if (!option || option[0] == 0)
			break;
		if (option[0] == 1) {
			at++;
			continue;
		}
		if (option[1] < 2)
			break;
		MIX(option[0] << 8 | option[1]);
		at = (at + option[1]) & 63;
	}
	return result;
}

SEC("xdp") int program(struct xdp_md *ctx)
{
	__u32 result = 1, offset = 0;

	ROLLED
	for (int layer = 0; layer < 2; layer++) {
		__u32 next = ethernet(ctx, offset);
		__u32 type = next >> 16;

		offset = next & 0xffff;
		if (type != ETH_IPV4 && type != ETH_IPV6)
			break;
		MIX(addresses(ctx, offset, type));
		next = type == ETH_IPV4 ? ipv4(ctx, offset) : ipv6(ctx, offset);
		offset = next & 0xffff;
		if (next >> 16 == TCP) {
			MIX(tcp(ctx, offset));
			break;
		}
		__u8 *udp = bytes_at(ctx, offset, 8);

		if (next >> 16 != UDP || !udp)
			break;
		MIX(word_at(udp));
		/* A tunnel has a header of its own, and Ethernet behind it. */
		if (half_at(udp + 2) != TUNNEL_PORT)
			break;
		offset += 16;
	}
	return result;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
