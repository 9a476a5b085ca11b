// SPDX-License-Identifier: MIT
// A scanner as a state machine: counts words, numbers, strings and comments of a text.
#include "program.h"

enum state { BETWEEN, WORD, NUMBER, STRING, ESCAPED, SLASH, COMMENT };

SEC("xdp") int program(struct xdp_md *ctx)
{
	PACKET(packet, 192);
	enum state state = BETWEEN;
	__u32 words = 0, numbers = 0, strings = 0, comments = 0;

	ROLLED
	for (int i = 0; i < 192; i++) {
		__u8 byte = packet[i];
		__u8 letter = (byte | 32) - 'a' < 26u;
		__u8 digit = byte - '0' < 10u;

		switch (state) {
		case SLASH:
			if (byte == '/') {
				comments++;
				state = COMMENT;
				break;
			}
			/* Fall through. */
		case BETWEEN:
			if (letter) {
				words++;
				state = WORD;
			} else if (digit) {
				numbers++;
				state = NUMBER;
			} else if (byte == '"') {
				state = STRING;
			} else {
				state = byte == '/' ? SLASH : BETWEEN;
			}
			break;
		case WORD:
			if (!letter && !digit)
				state = byte == '/' ? SLASH : BETWEEN;
			break;
		case NUMBER:
			if (!digit && byte != '.')
				state = letter ? WORD : BETWEEN;
			break;
		case STRING:
			if (byte == '\\') {
				state = ESCAPED;
			} else if (byte == '"') {
				strings++;
				state = BETWEEN;
			}
			break;
		case ESCAPED:
			state = STRING;
			break;
		case COMMENT:
			if (byte == '\n')
				state = BETWEEN;
			break;
		}
	}
	return words << 24 | numbers << 16 | strings << 8 | comments;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
