import { ByteReader, ByteWriter, type Endian, FormatError } from "../../base/index.ts";

/**
 * One instruction of classic BPF: `struct sock_filter` of Linux, `struct bpf_insn` of the BSDs and of libpcap.
 *
 * ```text
 *  bytes 0-1    byte 2   byte 3   bytes 4-7
 * +------------+--------+--------+-----------+
 * | code (u16) | jt(u8) | jf(u8) |  k (u32)  |      in the byte order of the machine
 * +------------+--------+--------+-----------+
 * ```
 */
export interface SockFilter {
  /** 0 to 65535; every instruction there is has a code below 256. */
  readonly code: number;
  /** Instructions to skip where the condition holds, 0 to 255. */
  readonly jt: number;
  /** Instructions to skip where it does not, 0 to 255. */
  readonly jf: number;
  /** Unsigned 32 bits. */
  readonly k: number;
}

/** Bytes of one instruction. */
export const SOCK_FILTER_SIZE = 8;

/** The most instructions Linux takes in a classic program (`BPF_MAXINSNS`). */
export const CLASSIC_MAX_INSNS = 4096;

/** 32-bit words of scratch memory (`BPF_MEMWORDS`). */
export const CLASSIC_MEM_WORDS = 16;

/** Reads a program of 8-byte instructions; a {@link FormatError} where the length is no multiple of 8. */
export function decodeClassic(bytes: Uint8Array, endian: Endian = "little"): SockFilter[] {
  if (bytes.length % SOCK_FILTER_SIZE !== 0) {
    throw new FormatError(
      "classic BPF program",
      bytes.length - (bytes.length % SOCK_FILTER_SIZE),
      `expected a multiple of ${SOCK_FILTER_SIZE} bytes, got ${bytes.length}`,
    );
  }
  const reader = new ByteReader(bytes, { endian, what: "classic BPF program" });
  const program: SockFilter[] = [];
  while (reader.remaining > 0) {
    program.push({ code: reader.u16(), jt: reader.u8(), jf: reader.u8(), k: reader.u32() });
  }
  return program;
}

/** The binary form of a program; fields are cut to their widths. */
export function encodeClassic(program: readonly SockFilter[], endian: Endian = "little"): Uint8Array {
  const writer = new ByteWriter({ endian, capacity: program.length * SOCK_FILTER_SIZE });
  for (const { code, jt, jf, k } of program) writer.u16(code).u8(jt).u8(jf).u32(k);
  return writer.finish();
}
