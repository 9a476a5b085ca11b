import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LinuxMapping } from "../../../src/node/linux/mapping.ts";
import { BpfRing, PerfEventRing } from "../../../src/node/linux/rings.ts";

const PAGE = 4096;
const BUSY = 0x8000_0000;
const DISCARD = 0x4000_0000;

/** A ring buffer as the kernel fills it: what is written to the data is there twice. */
class Filled {
  readonly size: number;
  readonly consumer = new LinuxMapping(new Uint8Array(PAGE), () => {});
  readonly producer: LinuxMapping;
  readonly #view: DataView;
  #end = 0;

  constructor(size: number) {
    this.size = size;
    this.producer = new LinuxMapping(new Uint8Array(PAGE + 2 * size), () => {});
    this.#view = new DataView(this.producer.bytes.buffer);
  }

  get free(): number {
    const consumed = new DataView(this.consumer.bytes.buffer).getBigUint64(0, true);
    return this.size - (this.#end - Number(consumed));
  }

  /** @returns where its length stands. */
  put(bytes: Uint8Array, flags: number): number {
    const at = this.#end % this.size;
    for (const base of [PAGE, PAGE + this.size]) {
      this.#view.setUint32(base + at, (bytes.length | flags) >>> 0, true);
      for (const [i, byte] of bytes.entries()) {
        const place = PAGE + at + 8 + i;
        this.producer.bytes[place] = byte;
        if (at + 8 + i >= this.size) this.producer.bytes[place - this.size] = byte;
      }
    }
    this.#end += (bytes.length + 8 + 7) & -8;
    this.#view.setBigUint64(0, BigInt(this.#end), true);
    return at;
  }

  submit(at: number, length: number): void {
    for (const base of [PAGE, PAGE + this.size]) this.#view.setUint32(base + at, length, true);
  }
}

describe("a ring buffer", () => {
  it("gives what was submitted, in its order, and passes over what was discarded", () => {
    const step = fc.record({
      length: fc.nat(40),
      discarded: fc.boolean(),
      max: fc.integer({ min: 1, max: 5 }),
      takes: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const filled = new Filled(256);
        const ring = new BpfRing(filled.consumer, filled.producer, filled.size);
        const expected: string[] = [];
        const got: string[] = [];
        let number = 0;
        const take = (max: number) => {
          const { records, end } = ring.take(max);
          got.push(...records.map((record) => record.join()));
          expect(records.length).toBeLessThanOrEqual(max);
          ring.consume(end);
        };
        for (const { length, discarded, max, takes } of steps) {
          if (takes || filled.free < length + 16) take(max);
          if (filled.free < length + 16) continue;
          const bytes = new Uint8Array(length).fill(number++);
          filled.put(bytes, discarded ? DISCARD : 0);
          if (!discarded) expected.push(bytes.join());
        }
        take(1000);
        expect(got).toEqual(expected);
        expect(ring.ready()).toBe(false);
      }),
    );
  });

  it("waits for a record that is being written", () => {
    const filled = new Filled(256);
    const ring = new BpfRing(filled.consumer, filled.producer, filled.size);
    const at = filled.put(Uint8Array.of(1, 2, 3), BUSY);
    filled.put(Uint8Array.of(4), 0);
    expect(ring.take(9).records).toEqual([]);
    expect(ring.ready()).toBe(false);
    filled.submit(at, 3);
    expect(ring.take(9).records.map((record) => [...record])).toEqual([[1, 2, 3], [4]]);
  });

  it("goes on where another consumer has ended", () => {
    const filled = new Filled(256);
    filled.put(Uint8Array.of(1), 0);
    const first = new BpfRing(filled.consumer, filled.producer, filled.size);
    first.consume(first.take(1).end);
    filled.put(Uint8Array.of(2), 0);
    const { records } = new BpfRing(filled.consumer, filled.producer, filled.size).take(9);
    expect(records.map((record) => [...record])).toEqual([[2]]);
  });

  it("touches nothing that is unmapped", () => {
    const filled = new Filled(256);
    const ring = new BpfRing(filled.consumer, filled.producer, filled.size);
    ring.close();
    expect(() => ring.take(1)).toThrow("ring: expected an open one");
    expect(() => ring.ready()).toThrow("ring: expected an open one");
    expect(() => ring.consume(8)).not.toThrow();
  });
});

describe("the ring of a perf event", () => {
  const SIZE = 256;

  /** Records that begin at a position, as the kernel writes them. */
  function filled(start: number, records: readonly Uint8Array[]): PerfEventRing {
    const bytes = new Uint8Array(PAGE + SIZE);
    const view = new DataView(bytes.buffer);
    view.setBigUint64(1040, BigInt(PAGE), true);
    view.setBigUint64(1048, BigInt(SIZE), true);
    view.setBigUint64(1032, BigInt(start), true);
    let at = start;
    for (const record of records) for (const byte of record) bytes[PAGE + (at++ % SIZE)] = byte;
    view.setBigUint64(1024, BigInt(at), true);
    return new PerfEventRing(new LinuxMapping(bytes, () => {}));
  }

  function record(type: number, content: readonly number[]): Uint8Array {
    const bytes = new Uint8Array(8 + content.length);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, type, true);
    view.setUint16(6, bytes.length, true);
    bytes.set(content, 8);
    return bytes;
  }

  it.each([0, 240, 1000])("gives records that begin at %i, in one piece", (start) => {
    const records = [1, 2, 3].map((number) => record(9, new Array<number>(24).fill(number)));
    const ring = filled(start, records);
    const { records: first, end } = ring.take(2);
    expect(first).toEqual(records.slice(0, 2));
    ring.consume(end);
    expect(ring.take(9).records).toEqual(records.slice(2));
  });

  it("counts what was lost", () => {
    const lost = record(2, [...new Array<number>(8).fill(0), 5, 0, 0, 0, 0, 0, 0, 0]);
    const { records, lost: count } = filled(0, [lost, record(9, [1])]).take(9);
    expect(count).toBe(5);
    expect(records).toHaveLength(2);
  });

  it("ends at a record that is none", () => {
    const ring = filled(0, [record(9, [1]), Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0)]);
    expect(ring.take(9).records).toHaveLength(1);
  });
});
