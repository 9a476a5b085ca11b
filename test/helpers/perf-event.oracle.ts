import { afterAll, expect, it } from "vitest";
import type { Mapping } from "../../src/sys/index.ts";
import { BpfProgFlag, PerfSample, PerfType } from "../../src/uapi/index.ts";
import { Stage } from "../kernel/events/stage.ts";
import { load } from "../kernel/programs.ts";
import { type Side, Twins } from "../kernel/twins.ts";
import { describeWith, liveKernel } from "../support/referee.ts";

const PAGE = 4096;
/** Of `struct perf_event_mmap_page.data_head`. */
const HEAD = 1024;
/** `BPF_F_TEST_RUN_ON_CPU` is not for packets: a run is wherever this thread is, and each place has an event. */
const CURRENT_CPU = 0xffff_ffffn;

describeWith([liveKernel("6.18")], "bytes of packets in rings, as on Linux", async () => {
  const twins = await Twins.meet();
  const stage = await Stage.set(twins);
  const cpus = twins.sides[1].sys.possibleCpus();
  afterAll(() => {
    twins[Symbol.dispose]();
    stage[Symbol.dispose]();
  });

  const map = twins.mustOpen("MAP_CREATE", { mapType: 4, keySize: 4, valueSize: 4, maxEntries: cpus });
  const rings = new Map<Side, Mapping[]>(twins.sides.map((side) => [side, []]));
  for (let cpu = 0; cpu < cpus; cpu++) {
    const attr = { type: PerfType.SOFTWARE, config: 10, samplePeriod: 1, sampleType: PerfSample.RAW };
    const event = stage.perf(attr, cpu);
    for (const side of twins.sides) {
      const [key, value] = [cpu, side.of(event)].map((word) => new Uint8Array(Uint32Array.of(word).buffer));
      side.sys.mapUpdateElem({ mapFd: side.of(map), key: key!, value: value! });
      const ring = side.port.map(side.of(event), 0, 17 * PAGE, { write: true });
      if (typeof ring === "number") throw new Error(`${side.name}: map ${ring}`);
      rings.get(side)!.push(ring);
    }
  }
  afterAll(() => {
    for (const ring of [...rings.values()].flat()) ring.close();
  });

  /** What came into the rings of all CPUs; each is empty afterwards. */
  const records = (side: Side): string[] =>
    rings.get(side)!.flatMap((ring) => {
      const [head, tail] = [ring.load32(HEAD), ring.load32(HEAD + 8)];
      if (head === tail) return [];
      const bytes = new Uint8Array(head - tail);
      for (const [index] of bytes.entries())
        bytes[index] = ring.read(PAGE + ((tail + index) % (16 * PAGE)), 1)[0]!;
      ring.store32(HEAD + 8, head);
      return [bytes.reduce((text, byte) => text + byte.toString(16).padStart(2, "0"), "")];
    });

  it.each([
    ["xdp", 64],
    ["xdp", 3000],
    ["xdp", 6000],
    ["xdp", 12_000],
    ["sched_cls", 64],
    ["sched_cls", 1500],
    ["cgroup_skb", 64],
    ["socket_filter", 64],
  ] as const)("%s, %d bytes", (type, size) => {
    const packet = new Uint8Array(size).map((_, index) => (index * 7) & 0xff);
    packet.set([8, 0, 0x45], 12);
    const linear = type === "cgroup_skb" || type === "socket_filter" ? size - 14 : size;
    const lengths = [0, 1, 14, linear - 1, linear, linear + 1, 3520, 3700, 0xf_ffff];
    for (const length of lengths) {
      const text = `
        *(u64 *)(r10 - 8) = 0x11223344
        r2 = %0
        r3 = ${(BigInt(length) << 32n) | CURRENT_CPU} ll
        r4 = r10
        r4 += -8
        r5 = 5
        call bpf_perf_event_output
        exit`;
      const fields = type === "xdp" ? { fields: { progFlags: BpfProgFlag.XDP_HAS_FRAGS } } : {};
      const wrapped = type === "cgroup_skb" ? `${text.replace(/exit$/, "r0 = 1\nexit")}` : text;
      const progFd = load(twins, type, wrapped, { maps: [map], ...fields });
      twins.both(`${type}: ${length} of ${size}`, (side) => [
        side.sys.progTestRun({ progFd: side.of(progFd), dataIn: packet }).retval | 0,
        records(side),
      ]);
      twins.close(progFd);
    }
    expect(twins.taken()).toEqual([]);
  });
});
