import { expect, it } from "vitest";
import { bytesOfHex, hexOf } from "../../../src/base/index.ts";
import { encode } from "../../../src/isa/index.ts";
import { defaultLayout, programTypeNamed } from "../../../src/platform/index.ts";
import { BpfMapType } from "../../../src/uapi/index.ts";
import { type FixupMap, fixup, mapLines } from "../../../src/verifier/index.ts";
import { describeWith, golden } from "../../support/referee.ts";
import { linkSections } from "./live.ts";
import { exampleMap } from "./support.ts";

const object = golden("input/demo.bpf.o");
const info = golden("raw/prog_info.json");
const kallsyms = golden("raw/kallsyms.txt");

describeWith([object, info, kallsyms], "the recorded program", () => {
  const recorded = info.json<{ xlated: string; line_info: string; map_ids: string; func_info: string }>();
  const symbols = new Map(
    kallsyms
      .text()
      .trim()
      .split("\n")
      .map((line) => line.split(/\s+/))
      .map(([address, , name]) => [name!, BigInt(`0x${address}`)]),
  );
  const maps: { readonly [name: string]: FixupMap } = {
    flows: exampleMap(BpfMapType.HASH, 5560, { keySize: 8, valueSize: 24, maxEntries: 64 }),
    total: exampleMap(BpfMapType.ARRAY, 5566, { valueSize: 8 }),
    max_len: exampleMap(BpfMapType.ARRAY, 5564, { valueSize: 4 }),
    pcpu: exampleMap(BpfMapType.PERCPU_ARRAY, 5561, { valueSize: 8, maxEntries: 2 }),
    counters: exampleMap(BpfMapType.ARRAY, 5562, { valueSize: 8, maxEntries: 4 }),
  };

  const loaded = linkSections(object.bytes(), "tc", maps);
  const result = fixup(
    {
      ...loaded,
      type: programTypeNamed("sched_cls")!,
      expectedAttachType: 0,
    },
    {
      target: "linux-x86_64",
      layout: defaultLayout(),
      symbolAddress: (name) => symbols.get(name) ?? null,
    },
  );

  it("has Linux's bytes", () => {
    expect(hexOf(encode(result.insns))).toBe(recorded.xlated);
  });

  it("has Linux's function and line starts", () => {
    const words = (hex: string) => new Uint32Array(bytesOfHex(hex)!.slice().buffer);
    const lines = words(recorded.line_info);
    const shown = Array.from({ length: lines.length / 4 }, (_, index) => lines[index * 4]!);
    const functions = words(recorded.func_info);
    expect(result.functions).toEqual([functions[0], functions[2]]);
    // The records of the object, found back from where they are now.
    const given = shown.map((slot) => ({ slot: result.slotMap.indexOf(slot) }));
    expect(mapLines(given, result).map(({ slot }) => slot)).toEqual(shown);
  });
});
