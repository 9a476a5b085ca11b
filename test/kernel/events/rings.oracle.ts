import { afterAll, expect, it } from "vitest";
import type { Mapping } from "../../../src/sys/index.ts";
import { PerfIoctl, PerfSample, PerfType } from "../../../src/uapi/index.ts";
import { describeWith, liveKernel } from "../../support/referee.ts";
import { load } from "../programs.ts";
import { type Pair, type Side, Twins } from "../twins.ts";
import { Stage } from "./stage.ts";

const PAGE = 4096;
const HEAD = 1024;
const TAIL = 1032;
/** Parts of samples that are the same on both kernels. */
const SAMPLES = [
  ["RAW", PerfSample.RAW],
  ["RAW, CPU", PerfSample.RAW | PerfSample.CPU],
  ["RAW, PERIOD, ADDR", PerfSample.RAW | PerfSample.PERIOD | PerfSample.ADDR],
  ["CPU, READ, RAW", PerfSample.CPU | PerfSample.READ | PerfSample.RAW],
] as const;

describeWith([liveKernel("6.18")], "rings of perf events, as on Linux", async () => {
  const twins = await Twins.meet();
  const stage = await Stage.set(twins);
  afterAll(() => {
    twins[Symbol.dispose]();
    stage[Symbol.dispose]();
  });

  const key = new Uint8Array(4);
  const open: { close(): void }[] = [];

  /** A perf event for programs' bytes in an array, its ring, and a program that writes so many bytes. */
  const prepare = (sampleType: number, size: number, more: object = {}) => {
    const event = stage.perf({
      ...{ type: PerfType.SOFTWARE, config: 10, samplePeriod: 1, wakeupEvents: 1, sampleType },
      ...more,
    });
    const map = twins.mustOpen("MAP_CREATE", { mapType: 4, keySize: 4, valueSize: 4, maxEntries: 1 });
    const rings = new Map<Side, Mapping>();
    for (const side of twins.sides) {
      const value = new Uint8Array(Uint32Array.of(side.of(event)).buffer);
      side.sys.mapUpdateElem({ mapFd: side.of(map), key, value });
      const ring = side.port.map(side.of(event), 0, 3 * PAGE, { write: true });
      if (typeof ring === "number") throw new Error(`${side.name}: map ${ring}`);
      rings.set(side, ring);
      open.push(ring);
    }
    const text = `
      r6 = r1
      ${Array.from({ length: 8 }, (_, index) => `r1 = ${0x01010101 * (index + 1)}\n*(u64 *)(r10 - ${64 - 8 * index}) = r1`).join("\n")}
      r1 = r6
      r2 = %0
      r3 = 0xffffffff ll
      r4 = r10
      r4 += -64
      r5 = ${size}
      call bpf_perf_event_output
      exit`;
    const program = load(twins, "raw_tracepoint", text, { maps: [map] });
    return { event, map, rings, program };
  };

  /** Runs it on CPU 0, so many times. */
  const run = (side: Side, program: Pair): number =>
    side.sys.progTestRun({ progFd: side.of(program), ctxIn: new Uint8Array(8), flags: 1, cpu: 0 }).retval | 0;

  const records = (ring: Mapping): number[] => {
    const end = ring.load32(HEAD);
    return [...ring.read(PAGE, Math.min(end, 2 * PAGE))];
  };

  const end = (...pairs: readonly Pair[]) => {
    for (const each of open.splice(0)) each.close();
    for (const pair of pairs) twins.close(pair);
  };

  it.each(SAMPLES)("records of %s", (name, sampleType) => {
    for (const size of [1, 3, 4, 5, 12, 15, 16, 63, 64]) {
      const { event, map, rings, program } = prepare(sampleType, size);
      twins.both(`${name}: ${size} bytes`, (side) => [
        run(side, program),
        run(side, program),
        records(rings.get(side)!),
      ]);
      end(program, map, event);
    }
    expect(twins.taken()).toEqual([]);
  });

  it("rings that are full, and what was lost", () => {
    const { event, map, rings, program } = prepare(PerfSample.RAW, 60);
    twins.both("until it is full", (side) => {
      const ring = rings.get(side)!;
      const results: number[] = [];
      for (let i = 0; i < 130; i++) results.push(run(side, program));
      const full = ring.load32(HEAD);
      // A part is read: what was lost is told next.
      ring.store32(TAIL, 5 * 72);
      results.push(run(side, program), run(side, program));
      const after = ring.load32(HEAD);
      ring.store32(TAIL, after);
      results.push(run(side, program));
      // The id of the event is its kernel's own.
      const bytes = ring.read(PAGE, 2 * PAGE);
      const lost = (full % (2 * PAGE)) + 8;
      bytes.fill(0, lost, lost + 8);
      return [results, full, after, ring.load32(HEAD), [...bytes]];
    });
    end(program, map, event);
    expect(twins.taken()).toEqual([]);
  });

  it("output that is refused", () => {
    const { event, map, rings, program } = prepare(PerfSample.RAW, 8);
    const outcome = (what: string) =>
      twins.both(what, (side) => [run(side, program), rings.get(side)!.load32(HEAD)]);
    for (const side of twins.sides) side.port.ioctl(side.of(event), PerfIoctl.DISABLE, 0);
    outcome("disabled");
    for (const side of twins.sides) side.port.ioctl(side.of(event), PerfIoctl.ENABLE, 0);
    outcome("enabled");
    for (const side of twins.sides) side.port.ioctl(side.of(event), PerfIoctl.PAUSE_OUTPUT, 1);
    outcome("paused");
    for (const side of twins.sides) side.port.ioctl(side.of(event), PerfIoctl.PAUSE_OUTPUT, 0);
    outcome("not any more");
    for (const side of twins.sides) side.sys.mapDeleteElem({ mapFd: side.of(map), key });
    outcome("taken from the array");
    end(program, map, event);
    expect(twins.taken()).toEqual([]);
  });

  it("sizes that can be mapped", () => {
    const event = stage.perf({ type: PerfType.SOFTWARE, config: 10, sampleType: PerfSample.RAW });
    for (const pages of [0, 1, 2, 3, 4, 5, 9]) {
      twins.both(`${pages} pages`, (side) => {
        const mapped = side.port.map(side.of(event), 0, pages * PAGE, { write: true });
        if (typeof mapped === "number") return mapped;
        const page = mapped.read(1040, 16);
        mapped.close();
        return [...page];
      });
    }
    twins.close(event);
    expect(twins.taken()).toEqual([]);
  });
});
