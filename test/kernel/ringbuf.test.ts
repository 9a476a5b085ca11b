import { describe, expect, it } from "vitest";
import { EmbeddedKernel } from "../../src/kernel/index.ts";
import type { RingBatch } from "../../src/sys/index.ts";
import { BpfMapType, Errno } from "../../src/uapi/index.ts";
import { FRAME, loadText, refusal } from "./support.ts";

const ring = (kernel: EmbeddedKernel, maxEntries = 4096) =>
  kernel.mapCreate({ mapType: BpfMapType.RINGBUF, keySize: 0, valueSize: 0, maxEntries });

/** Loads a program, and gives what runs it. */
function program(kernel: EmbeddedKernel, text: string): () => number {
  const progFd = loadText(kernel, "xdp", text);
  return () => kernel.progTestRun({ progFd, dataIn: FRAME }).retval | 0;
}

const record = (mapFd: number, size: number, end: string, value = 7) => `
  r1 = map[id:${mapFd}]
  r2 = ${size}
  r3 = 0
  call bpf_ringbuf_reserve
  if r0 == 0 goto full
  *(u64 *)(r0 + 0) = ${value}
  *(u64 *)(r0 + ${size - 8}) = ${value + 1}
  r1 = r0
  r2 = 0
  call bpf_ringbuf_${end}
  r0 = 0
  exit
full:
  r0 = 1
  exit`;

const output = (mapFd: number, size: number, flags = 0) => `
  *(u64 *)(r10 - 16) = 0x1234
  *(u64 *)(r10 - 8) = 5
  r1 = map[id:${mapFd}]
  r2 = r10
  r2 += -16
  r3 = ${size}
  r4 = ${flags}
  call bpf_ringbuf_output
  exit`;

const query = (mapFd: number, what: number) => `
  r1 = map[id:${mapFd}]
  r2 = ${what}
  call bpf_ringbuf_query
  exit`;

function take(kernel: EmbeddedKernel, mapFd: number, max = 100): number[][] {
  const batch = kernel.port.ringConsume(mapFd, max) as RingBatch;
  const records = batch.records.map((bytes) => [...bytes]);
  batch.release();
  return records;
}

const eight = (low: number) => [low & 255, low >> 8, 0, 0, 0, 0, 0, 0];

describe.each([false, true])("ring buffers (lenient: %s)", (lenient) => {
  it("carry records from programs to user space", () => {
    const kernel = new EmbeddedKernel({ lenient });
    const mapFd = ring(kernel);
    const write = program(kernel, record(mapFd, 16, "submit"));
    const discard = program(kernel, record(mapFd, 24, "discard"));
    const copy = program(kernel, output(mapFd, 12));
    expect(take(kernel, mapFd)).toEqual([]);
    expect([write(), discard(), copy()]).toEqual([0, 0, 0]);
    expect(take(kernel, mapFd, 1)).toEqual([[...eight(7), ...eight(8)]]);
    expect(take(kernel, mapFd)).toEqual([[...eight(0x1234), 5, 0, 0, 0]]);
    expect(take(kernel, mapFd)).toEqual([]);
  });

  it("say how full they are", () => {
    const kernel = new EmbeddedKernel({ lenient });
    const mapFd = ring(kernel);
    const questions = [0, 1, 2, 3, 4].map((what) => program(kernel, query(mapFd, what)));
    const answers = () => questions.map((ask) => ask());
    expect(answers()).toEqual([0, 4096, 0, 0, 0]);
    program(kernel, output(mapFd, 16))();
    program(kernel, output(mapFd, 1))();
    expect(answers()).toEqual([40, 4096, 0, 40, 0]);
    take(kernel, mapFd, 1);
    expect(answers()).toEqual([16, 4096, 24, 40, 0]);
  });

  it("records that reach beyond the end lie in one piece, many times over", () => {
    const kernel = new EmbeddedKernel({ lenient });
    const mapFd = ring(kernel);
    const write = program(kernel, record(mapFd, 1000, "submit"));
    for (let round = 0; round < 50; round++) {
      expect(write()).toBe(0);
      const [bytes] = take(kernel, mapFd);
      expect(bytes!.length).toBe(1000);
      expect([bytes!.slice(0, 8), bytes!.slice(992)]).toEqual([eight(7), eight(8)]);
    }
  });

  it("refuse what has no room, and begin again when there is some", () => {
    const kernel = new EmbeddedKernel({ lenient });
    const mapFd = ring(kernel);
    const write = program(kernel, record(mapFd, 1000, "submit"));
    // One byte less than all may be used.
    expect([write(), write(), write(), write(), write()]).toEqual([0, 0, 0, 0, 1]);
    expect(program(kernel, output(mapFd, 16))()).toBe(0);
    const copy = program(kernel, output(mapFd, 16));
    expect([copy(), copy(), copy()]).toEqual([0, -Errno.EAGAIN, -Errno.EAGAIN]);
    take(kernel, mapFd, 1);
    expect(write()).toBe(0);
    expect(take(kernel, mapFd).length).toBe(6);
  });

  it("refuse flags and sizes that there are not", () => {
    const kernel = new EmbeddedKernel({ lenient });
    const mapFd = ring(kernel);
    expect(program(kernel, output(mapFd, 8, 4))()).toBe(-Errno.EINVAL);
    expect(program(kernel, output(mapFd, 8, 3))()).toBe(0);
    expect(program(kernel, record(mapFd, 4096, "submit"))()).toBe(1);
    const flagged = record(mapFd, 16, "submit").replace("r3 = 0", "r3 = 1");
    expect(program(kernel, flagged)()).toBe(1);
  });
});

describe("ring buffers", () => {
  it("have no elements", () => {
    const kernel = new EmbeddedKernel();
    const mapFd = ring(kernel);
    const [key, value] = [new Uint8Array(0), new Uint8Array(0)];
    for (const act of [
      () => kernel.mapLookupElem({ mapFd, key }),
      () => kernel.mapUpdateElem({ mapFd, key, value }),
      () => kernel.mapDeleteElem({ mapFd, key }),
    ]) {
      expect(refusal(act)).toBe("ENOTSUPP");
    }
    expect(kernel.port.ringConsume(99, 1)).toBe(-Errno.EBADF);
    const other = kernel.mapCreate({ mapType: BpfMapType.ARRAY, keySize: 4, valueSize: 4, maxEntries: 1 });
    expect(kernel.port.ringConsume(other, 1)).toBe(-Errno.EINVAL);
  });

  it("give their memory back, not before records that were taken are", () => {
    const kernel = new EmbeddedKernel();
    kernel.close(ring(kernel));
    const before = kernel.memoryUsed;
    const mapFd = ring(kernel);
    const batch = kernel.port.ringConsume(mapFd, 1) as RingBatch;
    kernel.close(mapFd);
    batch.release();
    kernel.close(ring(kernel));
    expect(kernel.memoryUsed).toBe(before);
  });

  it("are waited for", async () => {
    const kernel = new EmbeddedKernel();
    const mapFd = ring(kernel);
    const copy = program(kernel, output(mapFd, 16));
    expect(await kernel.port.wait([mapFd], 0)).toEqual([]);
    expect(await kernel.port.wait([mapFd, 99], 5)).toEqual([]);
    const waiting = kernel.port.wait([mapFd], -1);
    copy();
    expect(await waiting).toEqual([mapFd]);
    expect(await kernel.port.wait([mapFd], -1)).toEqual([mapFd]);
    take(kernel, mapFd);
    const controller = new AbortController();
    const aborted = kernel.port.wait([mapFd], -1, controller.signal);
    controller.abort();
    expect(await aborted).toEqual([]);
  });

  it("a program that nobody has verified cannot commit what is no record", () => {
    const kernel = new EmbeddedKernel({ lenient: true });
    const mapFd = ring(kernel);
    const foreign = (address: string) => `r1 = ${address}\nr2 = 0\ncall bpf_ringbuf_submit\nr0 = 3\nexit`;
    expect(program(kernel, foreign(`map[id:${mapFd}]`))()).toBe(3);
    expect(program(kernel, foreign("8"))()).toBe(3);
    const array = kernel.mapCreate({ mapType: BpfMapType.ARRAY, keySize: 4, valueSize: 8, maxEntries: 1 });
    expect(program(kernel, output(array, 8))()).toBe(-Errno.EINVAL);
    expect(program(kernel, query(array, 1))()).toBe(0);
  });
});
