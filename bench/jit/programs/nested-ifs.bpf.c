// SPDX-License-Identifier: MIT
// A loop with branches inside of branches: which UTF-8 a text has.
#include "program.h"

SEC("xdp") int program(struct xdp_md *ctx)
{
	PACKET(packet, 256);
	__u32 plain = 0, spaces = 0, two = 0, three = 0, wrong = 0, pending = 0;

	ROLLED
	for (int i = 0; i < 256; i++) {
		__u8 byte = packet[i];

		if (byte < 0x80) {
			if (pending) {
				wrong++;
				pending = 0;
			}
			if (byte <= ' ') {
				if (byte == ' ' || byte == '\n' || byte == '\t')
					spaces++;
				else
					wrong++;
			} else {
				plain++;
			}
		} else if (byte < 0xc0) {
			if (pending)
				pending--;
			else
				wrong++;
		} else {
			if (pending)
				wrong++;
			if (byte < 0xe0) {
				two++;
				pending = 1;
			} else if (byte < 0xf0) {
				three++;
				pending = 2;
			} else {
				wrong++;
				pending = 0;
			}
		}
	}
	return plain << 20 ^ spaces << 15 ^ two << 10 ^ three << 5 ^ wrong;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
