import { afterAll, expect, it } from "vitest";
import { encodeStruct } from "../../src/sys/index.ts";
import { BpfMapType, bpfSkBuff, type Layout, xdpMd } from "../../src/uapi/index.ts";
import { describeWith, liveKernel } from "../support/referee.ts";
import { frame, loadFields, runPacket } from "./programs.ts";
import { type Pair, room, Twins } from "./twins.ts";

/** Fields that are pointers: what they hold is different, and what can be done with it is another test's. */
const POINTERS: ReadonlySet<string> = new Set(["data", "dataEnd", "dataMeta", "flowKeys", "sk"]);

const SK_BUFF = encodeStruct(bpfSkBuff, {
  mark: 0x1234_5678,
  priority: 0x0badcafe,
  ingressIfindex: 7,
  ifindex: 1,
  tstamp: 0x1122_3344_5566_7788n,
  cb: new Uint8Array(20).map((_, i) => i + 1),
  gsoSegs: 3,
  gsoSize: 99,
  wireLen: 1000,
  hwtstamp: 0x0102_0304_0506_0708n,
});

describeWith([liveKernel("6.18")], "contexts as Linux", async () => {
  const twins = await Twins.meet();
  afterAll(() => twins[Symbol.dispose]());
  const result = twins.mustOpen("MAP_CREATE", {
    mapType: BpfMapType.ARRAY,
    keySize: 4,
    valueSize: 8,
    maxEntries: 1,
  });
  const key = new Uint8Array(4);

  let loaded = 0;
  /** Loads where both do, and notes it where only one does. */
  const attempt = (type: string, text: string, attachType = 0): Pair | null => {
    const fields = { ...loadFields(type, text, { maps: [result] }), expectedAttachType: attachType };
    // Why it is refused the verifier's own tests compare.
    const program = twins.open("PROG_LOAD", fields, { ignore: ["insns", "logTrueSize"] });
    if (program !== null) loaded++;
    return program;
  };

  const eachAccess = (layout: Layout, act: (offset: number, size: number) => void) => {
    const pointers = layout.fields.filter(({ camel }) => POINTERS.has(camel));
    for (const size of [1, 2, 4, 8]) {
      for (let offset = 0; offset < layout.size + 8; offset += size) {
        if (!pointers.some((field) => offset < field.offset + field.size && field.offset < offset + size))
          act(offset, size);
      }
    }
  };

  for (const [type, layout, contexts, reads, writes] of [
    ["socket_filter", bpfSkBuff, [undefined, SK_BUFF], 140, 140],
    ["sched_cls", bpfSkBuff, [undefined, SK_BUFF], 160, 160],
    ["cgroup_skb", bpfSkBuff, [undefined, SK_BUFF], 170, 150],
    [
      "xdp",
      xdpMd,
      [
        undefined,
        encodeStruct(xdpMd, { dataEnd: 68, ingressIfindex: 1 }),
        encodeStruct(xdpMd, { data: 8, dataEnd: 60 }),
      ],
      1,
      -1,
    ],
  ] as const) {
    it(`${type}: reads`, () => {
      eachAccess(layout as Layout, (offset, size) => {
        const text = `r2 = *(u${8 * size} *)(r1 + ${offset})\nr3 = %0[0]+0\n*(u64 *)(r3 + 0) = r2\nr0 = 0\nexit`;
        const program = attempt(type, text);
        if (program === null) return;
        for (const context of contexts) {
          twins.call("MAP_UPDATE_ELEM", { mapFd: result, key, value: new Uint8Array(8).fill(0xee) });
          runPacket(twins, program, frame(), context);
          const before = twins.differences.length;
          twins.call("MAP_LOOKUP_ELEM", { mapFd: result, key, value: room(8) });
          if (twins.differences.length > before)
            twins.differences.push(
              `${type} u${8 * size} at ${offset} ${context === undefined ? "" : "with context"}: ${twins.differences.pop()}`,
            );
        }
        twins.close(program);
      });
      expect(twins.taken()).toEqual([]);
      expect(loaded).toBeGreaterThan(reads);
      loaded = 0;
    });

    it(`${type}: writes`, () => {
      eachAccess(layout as Layout, (offset, size) => {
        for (const value of [0, 1, 0x5a5a5a]) {
          const program = attempt(
            type,
            `r2 = ${value}\n*(u${8 * size} *)(r1 + ${offset}) = r2\nr0 = 1\nexit`,
          );
          if (program === null) return;
          const before = twins.differences.length;
          for (const context of contexts) runPacket(twins, program, frame(), context);
          if (twins.differences.length > before)
            twins.differences.push(
              `${type} u${8 * size} = ${value} at ${offset}: ${twins.differences.splice(before).join("\n")}`,
            );
          twins.close(program);
        }
        const immediate = attempt(type, `*(u${8 * size} *)(r1 + ${offset}) = 1\nr0 = 1\nexit`);
        if (immediate !== null) {
          runPacket(twins, immediate, frame(), contexts[1]);
          twins.close(immediate);
        }
      });
      expect(twins.taken()).toEqual([]);
      expect(loaded).toBeGreaterThan(writes);
      loaded = 0;
    });
  }
});
