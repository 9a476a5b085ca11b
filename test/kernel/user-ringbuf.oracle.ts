import fc from "fast-check";
import { expect, it } from "vitest";
import { EmbeddedKernel } from "../../src/kernel/index.ts";
import { BpfCommands, type Mapping } from "../../src/sys/index.ts";
import { BpfMapType } from "../../src/uapi/index.ts";
import { livePort } from "../support/live-port.ts";
import { describeWith, liveKernel } from "../support/referee.ts";
import { readCaseFile } from "../verifier/support/case-file.ts";
import { CaseOnKernel } from "../verifier/support/kernel-verifier.ts";
import type { VerifierCase } from "../verifier/support/verifier-case.ts";
import { linuxTypes } from "./case-program.ts";
import { refusal } from "./support.ts";

const SIZE = 4096;
const BUSY = 0x8000_0000;
const DISCARD = 0x4000_0000;

/** Adds up the first 8 bytes of each sample, times 3 for each one behind it, until one is 99: sum and result. */
const PROGRAM = `
=== drain
type: xdp
types:
  int main(struct xdp_md *ctx);
  static int msg(void *dynptr, void *ctx);
map user: user_ringbuf, entries 4096
code:
main:
  *(u64 *)(r10 - 8) = 0
  r2 = *(u32 *)(r1 + 4)
  r1 = *(u32 *)(r1 + 0)
  r3 = r1
  r3 += 8
  r4 = 0
  if r3 > r2 goto go
  r4 = *(u64 *)(r1 + 0)
go:
  r1 = %user; r2 = subprog[msg]; r3 = r10; r3 += -8
  call bpf_user_ringbuf_drain
  r1 = *(u64 *)(r10 - 8)
  r1 <<= 16
  w0 &= 65535
  r0 |= r1
  exit
msg:
  r6 = r2
  r3 = r1
  r1 = r10; r1 += -16; r2 = 8; r4 = 0; r5 = 0
  *(u64 *)(r10 - 16) = 0
  call bpf_dynptr_read
  r1 = *(u64 *)(r10 - 16)
  r2 = *(u64 *)(r6 + 0)
  r2 *= 3
  r2 += r1
  *(u64 *)(r6 + 0) = r2
  r0 = 0
  if r1 != 99 goto more
  r0 = 1
more:
  exit
`;

/** The ring of one kernel, as a process writes it. */
interface Ring {
  drain(flags: bigint): number;
  put(offset: number, bytes: Uint8Array): void;
  /** Position of the producer, from then on. */
  produce(position: bigint): void;
  consumed(): bigint;
  close(): void;
}

const word64 = (value: bigint) => new Uint8Array(BigUint64Array.of(value).buffer);
const word32 = (value: number) => new Uint8Array(Uint32Array.of(value).buffer);

function frame(flags: bigint): Uint8Array {
  const bytes = new Uint8Array(64);
  bytes.set(word64(flags));
  return bytes;
}

describeWith([liveKernel("6.18")], "rings that user space writes, as Linux", async () => {
  const { port } = await livePort();
  const live = new BpfCommands(port!);
  const embedded = new EmbeddedKernel({ btf: linuxTypes().btf });
  const [test] = readCaseFile(PROGRAM, "program", "program") as [VerifierCase];

  function program(sys: BpfCommands) {
    const loaded = new CaseOnKernel(sys, linuxTypes(), test);
    const answer = loaded.load(1);
    if (answer.fd === null) throw new Error(answer.log);
    const progFd = answer.fd;
    return {
      mapFd: loaded.maps[0]!,
      drain: (flags: bigint) => sys.progTestRun({ progFd, dataIn: frame(flags) }).retval,
      close: () => loaded[Symbol.dispose](),
    };
  }

  function ringOf(sys: BpfCommands): Ring {
    const { mapFd, drain, close } = program(sys);
    const mapped = (offset: number, length: number, write: boolean) => {
      const mapping = sys.port.map(mapFd, offset, length, { write });
      if (typeof mapping === "number") throw new Error(`mmap: ${mapping}`);
      return mapping;
    };
    const consumer = mapped(0, 4096, false);
    const rest = mapped(4096, 4096 + 2 * SIZE, true);
    return {
      drain,
      put: (offset, bytes) => rest.write(4096 + offset, bytes),
      produce: (position) => rest.write(0, word64(position)),
      consumed: () => new DataView(consumer.read(0, 8).buffer).getBigUint64(0, true),
      close: () => {
        consumer.close();
        rest.close();
        close();
      },
    };
  }

  const record = fc.record({
    length: fc.constantFrom(0, 1, 8, 8, 8, 12, 40, 200, 1000, 4088),
    value: fc.constantFrom(1n, 2n, 7n, 98n, 99n),
    bits: fc.constantFrom(0, 0, 0, 0, 0, DISCARD, BUSY, BUSY | DISCARD),
    /** Written through the second copy of the data where it can be. */
    wrapped: fc.boolean(),
  });

  it("give programs what a process has written", () => {
    const rounds = fc.array(fc.array(record, { maxLength: 6 }), { maxLength: 12 });
    fc.assert(
      fc.property(rounds, (all) => {
        const rings = [ringOf(embedded), ringOf(live)];
        try {
          let position = 0n;
          for (const records of all) {
            for (const { length, value, bits, wrapped } of records) {
              const total = (length + 15) & -8;
              if (position + BigInt(total) - rings[0]!.consumed() > BigInt(SIZE)) break;
              const at = Number(position % BigInt(SIZE));
              const payload = new Uint8Array(length);
              if (length >= 8) payload.set(word64(value));
              for (const ring of rings) {
                ring.put(at, word32(length | bits));
                const start = (at + 8) % SIZE;
                const pieces = wrapped ? Math.max(0, SIZE - start) : length;
                ring.put(start, payload.subarray(0, pieces));
                // What lies behind the end lies at the start, too.
                if (pieces < length) ring.put(0, payload.subarray(pieces));
              }
              position += BigInt(total);
            }
            for (const ring of rings) ring.produce(position);
            for (const flags of [0n, 1n]) {
              const [ours, theirs] = rings.map((ring) => ring.drain(flags).toString(16));
              expect(ours).toBe(theirs);
              expect(rings[0]!.consumed()).toBe(rings[1]!.consumed());
            }
          }
        } finally {
          for (const ring of rings) ring.close();
        }
      }),
      { numRuns: 60, seed: 3 },
    );
  });

  it("refuse positions and lengths that cannot be", () => {
    const cases: [producer: bigint, header: number][] = [
      [4n, 0],
      [8n, 1],
      [16n, 100],
      [1n << 40n, 0x3fff_ffff],
      [1n << 40n, 5000],
      [4096n, 4088],
      [4104n, 4089],
      [0xffff_ffff_ffff_fff8n, 8],
      [8n, DISCARD | 0],
      [16n, BUSY | 8],
    ];
    for (const [producer, header] of cases) {
      const results = [ringOf(embedded), ringOf(live)].map((ring) => {
        ring.put(0, word32(header));
        ring.produce(producer);
        const drained = [
          ring.drain(0n),
          ring.drain(2n),
          ring.drain(3n),
          ring.drain(4n),
          ring.drain(1n << 32n),
        ];
        const consumed = ring.consumed();
        ring.close();
        return { drained, consumed };
      });
      expect({ producer, header, ...results[0] }).toEqual({ producer, header, ...results[1] });
    }
  });

  it("are mapped by their rules, and have no elements", () => {
    for (const mapType of [BpfMapType.USER_RINGBUF, BpfMapType.RINGBUF]) {
      const fields = { mapType, keySize: 0, valueSize: 0, maxEntries: SIZE };
      const [ours, theirs] = [embedded.mapCreate(fields), live.mapCreate(fields)];
      for (const offset of [0, 4096, 8192, 12288, 100]) {
        for (const length of [1, 4096, 8192, 12288, 16384, 20480]) {
          for (const write of [false, true]) {
            const outcome = (mapping: Mapping | number) => {
              if (typeof mapping === "number") return mapping;
              mapping.close();
              return 0;
            };
            const [left, right] = [
              outcome(embedded.port.map(ours, offset, length, { write })),
              outcome(live.port.map(theirs, offset, length, { write })),
            ];
            expect({ mapType, offset, length, write, result: left }).toEqual({
              mapType,
              offset,
              length,
              write,
              result: right,
            });
          }
        }
      }
      const outcomes = [embedded, live].map((sys, i) => {
        const mapFd = [ours, theirs][i]!;
        const key = new Uint8Array(0);
        return [
          refusal(() => sys.mapLookupElem({ mapFd, key, userValueSize: 0 })),
          refusal(() => sys.mapUpdateElem({ mapFd, key, value: key })),
          refusal(() => sys.mapDeleteElem({ mapFd, key })),
          refusal(() => sys.mapGetNextKey({ mapFd, key: null, keySize: 0 })),
          refusal(() => sys.mapFreeze({ mapFd })),
        ];
      });
      expect(outcomes[0]).toEqual(outcomes[1]);
      embedded.close(ours);
      live.close(theirs);
    }
  });
});
