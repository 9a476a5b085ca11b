import { describe, expect, it } from "vitest";
import { EmbeddedKernel } from "../../src/kernel/index.ts";
import type { Mapping } from "../../src/sys/index.ts";
import { BpfMapType, Errno } from "../../src/uapi/index.ts";
import { CaseProgram } from "./case-program.ts";
import { loadText, u32 } from "./support.ts";

const SIZE = 4096;
const PAGE = 4096;
const BUSY = 0x8000_0000;

const word = (value: bigint) => new Uint8Array(BigUint64Array.of(value).buffer);
const position = (mapping: Mapping, at: number) =>
  new DataView(mapping.read(at, 8).buffer).getBigUint64(0, true);

/** Adds up the first words of all samples. */
const DRAIN = `type: xdp
types:
  int main(struct xdp_md *ctx);
  static int msg(void *dynptr, void *ctx);
map user: user_ringbuf, entries 4096
code:
main:
  *(u64 *)(r10 - 8) = 0
  r1 = %user; r2 = subprog[msg]; r3 = r10; r3 += -8; r4 = 0
  call bpf_user_ringbuf_drain
  r1 = *(u64 *)(r10 - 8)
  r1 <<= 8
  r0 += r1
  exit
msg:
  r6 = r2
  r3 = r1
  r1 = r10; r1 += -16; r2 = 8; r4 = 0; r5 = 0
  *(u64 *)(r10 - 16) = 0
  call bpf_dynptr_read
  r1 = *(u64 *)(r10 - 16)
  r2 = *(u64 *)(r6 + 0)
  r2 += r1
  *(u64 *)(r6 + 0) = r2
  r0 = 0
  exit
`;

describe("mapped rings", () => {
  it("of programs: a process reads records, and says how far it has come", () => {
    const kernel = new EmbeddedKernel();
    const mapFd = kernel.mapCreate({
      mapType: BpfMapType.RINGBUF,
      keySize: 0,
      valueSize: 0,
      maxEntries: SIZE,
    });
    const progFd = loadText(
      kernel,
      "xdp",
      `*(u64 *)(r10 - 8) = 77
       r1 = map[id:${mapFd}]
       r2 = r10
       r2 += -8
       r3 = 8
       r4 = 0
       call bpf_ringbuf_output
       exit`,
    );
    const run = () => kernel.progTestRun({ progFd, dataIn: new Uint8Array(64) }).retval | 0;
    const consumer = kernel.port.map(mapFd, 0, PAGE, { write: true }) as Mapping;
    const rest = kernel.port.map(mapFd, PAGE, PAGE + 2 * SIZE, { write: false }) as Mapping;
    // It is never filled to the last byte.
    for (let i = 1; i < SIZE / 16; i++) expect(run()).toBe(0);
    expect(run()).toBe(-Errno.EAGAIN);
    expect([position(rest, 0), position(consumer, 0)]).toEqual([BigInt(SIZE - 16), 0n]);
    expect([...rest.read(PAGE, 16)].slice(0, 9)).toEqual([8, 0, 0, 0, 3, 0, 0, 0, 77]);
    consumer.write(0, word(16n));
    expect([run(), run()]).toEqual([0, -Errno.EAGAIN]);
    expect(kernel.port.map(mapFd, PAGE, PAGE, { write: true })).toBe(-Errno.EPERM);
    expect(kernel.port.map(mapFd, 0, 4 * PAGE + SIZE, { write: false })).toBe(-Errno.EINVAL);
  });

  it("of user space: programs find samples whole, wherever they were written", () => {
    using sut = new CaseProgram(DRAIN);
    const mapFd = sut.map();
    const { port } = sut.kernel;
    const ring = port.map(mapFd, PAGE, PAGE + 2 * SIZE, { write: true }) as Mapping;
    const consumer = port.map(mapFd, 0, PAGE, { write: false }) as Mapping;
    // A sample of 16 bytes whose second half lies at the start.
    const fill = SIZE - 24;
    ring.store32(PAGE, fill - 8);
    ring.write(PAGE + 8, word(5n));
    ring.write(0, word(BigInt(fill)));
    expect(sut.run()).toBe((5 << 8) | 1);
    ring.store32(PAGE + fill, (16 | BUSY) >>> 0);
    ring.write(0, word(BigInt(SIZE)));
    expect(sut.run()).toBe(0);
    ring.write(PAGE + fill + 8, word(9n));
    ring.store32(PAGE + fill, 16);
    expect(sut.run()).toBe((9 << 8) | 1);
    expect(position(consumer, 0)).toBe(BigInt(SIZE));
    // The header is the last that fits: its sample begins at the start, by either copy.
    const next = BigInt(SIZE);
    ring.store32(PAGE, SIZE - 16);
    ring.write(0, word(next + BigInt(SIZE - 8)));
    expect(sut.run() & 0xff).toBe(1);
    ring.store32(PAGE + SIZE - 8, 8);
    ring.write(PAGE + SIZE, word(3n));
    ring.write(0, word(next + BigInt(SIZE + 8)));
    expect(sut.run()).toBe((3 << 8) | 1);
    expect([...ring.read(PAGE, 8)]).toEqual([...word(3n)]);
    expect(port.map(mapFd, 0, PAGE, { write: true })).toBe(-Errno.EPERM);
  });

  it("of user space: what cannot be is refused, and nothing is lost by it", () => {
    using sut = new CaseProgram(DRAIN);
    const ring = sut.kernel.port.map(sut.map(), PAGE, PAGE + 2 * SIZE, { write: true }) as Mapping;
    ring.write(0, word(4n));
    expect(sut.run() | 0).toBe(-Errno.EINVAL);
    ring.store32(PAGE, 5000);
    ring.write(0, word(1n << 20n));
    expect(sut.run() | 0).toBe(-Errno.E2BIG);
    ring.write(PAGE, u32(8));
    ring.write(PAGE + 8, word(6n));
    ring.write(0, word(16n));
    expect(sut.run()).toBe((6 << 8) | 1);
  });
});
