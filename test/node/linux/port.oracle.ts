import { afterAll, expect, it } from "vitest";
import type { Mapping, RingBatch } from "../../../src/sys/index.ts";
import { BpfMapType, PerfSample, PerfType } from "../../../src/uapi/index.ts";
import { Random } from "../../fuzz/random.ts";
import { Stage } from "../../kernel/events/stage.ts";
import { load } from "../../kernel/programs.ts";
import { type Pair, type Side, Twins } from "../../kernel/twins.ts";
import { onCpu } from "../../support/on-cpu.ts";
import { describeWith, liveKernel } from "../../support/referee.ts";

const PAGE = 4096;

describeWith([liveKernel("6.18")], "rings behind both doors", async () => {
  const twins = await Twins.meet();
  const stage = await Stage.set(twins);
  afterAll(() => {
    twins[Symbol.dispose]();
    stage[Symbol.dispose]();
  });

  const batchOf = (side: Side, pair: Pair, max: number): RingBatch => {
    const batch = side.port.ringConsume(side.of(pair), max);
    if (typeof batch === "number") throw new Error(`${side.name}: ${batch}`);
    return batch;
  };
  const run = (progFd: Pair, words: readonly number[]) => {
    const ctxIn = new Uint8Array(BigUint64Array.from(words.map(BigInt)).buffer);
    return twins.call("PROG_TEST_RUN", { progFd, ctxIn, ctxSizeIn: ctxIn.length });
  };

  it("of ring buffers give the same records", () => {
    const map = twins.mustOpen("MAP_CREATE", { mapType: BpfMapType.RINGBUF, maxEntries: 2 * PAGE });
    // Context: what to do (submit, discard), a byte.
    const program = (size: number) =>
      load(
        twins,
        "raw_tracepoint",
        `r7 = *(u64 *)(r1 + 0)
         r8 = *(u64 *)(r1 + 8)
         r1 = %0
         r2 = ${size}
         r3 = 0
         call bpf_ringbuf_reserve
         if r0 != 0 goto fill
         r0 = 1
         exit
       fill:
         *(u8 *)(r0 + 0) = r8
         *(u8 *)(r0 + ${size - 1}) = r8
         r1 = r0
         r2 = 0
         if r7 != 0 goto discard
         call bpf_ringbuf_submit
         r0 = 0
         exit
       discard:
         call bpf_ringbuf_discard
         r0 = 0
         exit`,
        { maps: [map] },
      );
    const sizes = [1, 8, 13, 700, 3000];
    const programs = sizes.map(program);
    const random = new Random("rings", 1);
    for (let step = 0; step < 600; step++) {
      if (random.oneIn(4)) {
        const max = 1 + random.below(5);
        const keeps = random.oneIn(3);
        twins.both("records", (side) => {
          const batch = batchOf(side, map, max);
          const records = batch.records.map((record) => `${record.length}:${record[0]}:${record.at(-1)}`);
          // What is not given back is consumed by the next call.
          if (!keeps) batch.release();
          return records.join(" ");
        });
      } else run(random.pick(programs), [random.oneIn(5) ? 1 : 0, step & 0xff]);
    }
    expect(twins.taken()).toEqual([]);
  });

  it("of perf events give the same records", async () => {
    const attr = { type: PerfType.SOFTWARE, config: 10, samplePeriod: 1, wakeupEvents: 1 };
    const event = stage.perf({ ...attr, sampleType: PerfSample.RAW });
    const map = twins.mustOpen("MAP_CREATE", { mapType: 4, keySize: 4, valueSize: 4, maxEntries: 1 });
    for (const side of twins.sides) {
      const value = new Uint8Array(Uint32Array.of(side.of(event)).buffer);
      side.sys.mapUpdateElem({ mapFd: side.of(map), key: new Uint8Array(4), value });
    }
    const programs = [8, 100, 500].map((size) =>
      load(
        twins,
        "raw_tracepoint",
        `r6 = r1
         r7 = *(u64 *)(r1 + 0)
         ${Array.from({ length: 64 }, (_, i) => `*(u64 *)(r10 - ${8 * (i + 1)}) = r7`).join("\n")}
         r1 = r6
         r2 = %0
         r3 = 0xffffffff ll
         r4 = r10
         r4 += -512
         r5 = ${size}
         call bpf_perf_event_output
         exit`,
        { maps: [map] },
      ),
    );
    const random = new Random("perf rings", 1);
    await onCpu(0, () => {
      for (const side of twins.sides) batchOf(side, event, 1).release();
      for (let step = 0; step < 2000; step++) {
        if (!random.oneIn(40)) {
          run(random.pick(programs), [step]);
          continue;
        }
        const max = 1 + random.below(100);
        twins.both("records", (side) => {
          const batch = batchOf(side, event, max);
          // Where RAW begins: its size, then what the program gave.
          const records = batch.records.map(
            (record) => `${record[0]}:${record.length}:${record.slice(8, 20)}`,
          );
          batch.release();
          return `lost ${batch.lost}: ${records.join(" ")}`;
        });
      }
    });
    expect(twins.taken()).toEqual([]);
  });

  it("are refused of what has none", () => {
    const array = twins.mustOpen("MAP_CREATE", {
      mapType: BpfMapType.ARRAY,
      keySize: 4,
      valueSize: 8,
      maxEntries: 1,
    });
    const btf = stage.namespace();
    for (const pair of [array, btf, { embedded: 4000, linux: 4000 } as Pair])
      twins.both("ringConsume", (side) => String(side.port.ringConsume(side.of(pair), 1)));
    expect(twins.taken()).toEqual([]);
  });

  it("are waited for", async () => {
    const map = twins.mustOpen("MAP_CREATE", { mapType: BpfMapType.RINGBUF, maxEntries: PAGE });
    const program = load(
      twins,
      "raw_tracepoint",
      `r1 = %0
       r2 = r10
       r2 += -8
       *(u64 *)(r10 - 8) = 7
       r3 = 8
       r4 = 0
       call bpf_ringbuf_output
       exit`,
      { maps: [map] },
    );
    for (const side of twins.sides) {
      const fd = side.of(map);
      expect(await side.port.wait([fd], 0)).toEqual([]);
      const started = performance.now();
      expect(await side.port.wait([fd], 30)).toEqual([]);
      expect(performance.now() - started).toBeGreaterThan(20);
      expect(await side.port.wait([fd], -1, AbortSignal.timeout(20))).toEqual([]);
      const waiting = side.port.wait([fd], 5000);
      side.sys.progTestRun({ progFd: side.of(program), ctxIn: new Uint8Array(8) });
      expect(await waiting).toEqual([fd]);
      const batch = batchOf(side, map, 9);
      expect(batch.records.map((record) => [...record])).toEqual([[7, 0, 0, 0, 0, 0, 0, 0]]);
      batch.release();
      expect(await side.port.wait([fd], 10)).toEqual([]);
    }
  });

  it("are mapped by who wants to, and records are taken all the same", () => {
    const attr = { type: PerfType.SOFTWARE, config: 10, samplePeriod: 1, sampleType: PerfSample.RAW };
    const event = stage.perf(attr);
    const mappings: Mapping[] = [];
    for (const side of twins.sides) {
      const mapping = side.port.map(side.of(event), 0, 3 * PAGE, { write: true });
      if (typeof mapping === "number") throw new Error(`${side.name}: ${mapping}`);
      mappings.push(mapping);
      batchOf(side, event, 1).release();
    }
    for (const mapping of mappings) mapping.close();
    twins.close(event);
    twins.both("closed", (side) => String(side.port.ringConsume(side.of(event), 1)));
    expect(twins.taken()).toEqual([]);
  });
});
