import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type ObjectSpec, open, type ProgramSpec, writeObject } from "../../src/object/index.ts";

const folder = join("testdata", "objects");
const objects = readdirSync(folder).filter(
  (name) => name.endsWith(".bpf.o") && !/^(refused-static|link-)/.test(name),
);

const read = (name: string): ObjectSpec => open(new Uint8Array(readFileSync(join(folder, name))), { name });

/** A program without what may move in a file: offsets of strings. */
function shown({ lineInfo, ...program }: ProgramSpec) {
  return { ...program, lineInfo: lineInfo.map(({ fileOffset: _, lineOffset: __, ...line }) => line) };
}

describe("writeObject", () => {
  it.each(objects)("%s opens to the same spec again", (name) => {
    const spec = read(name);
    const again = open(writeObject(spec), { name });
    for (const [program, before] of spec.programs) {
      expect(shown(again.programs.get(program)!)).toEqual(shown(before));
    }
    expect([...again.programs.keys()].sort()).toEqual([...spec.programs.keys()].sort());
    const maps = (object: ObjectSpec) =>
      new Map(
        [...object.maps]
          .sort(([a], [b]) => (a < b ? -1 : 1))
          .map(([key, map]) => [key, { ...map, inner: map.inner && { ...map.inner } }]),
      );
    expect(maps(again)).toEqual(maps(spec));
    const { license, kernelVersion, endian, externs } = spec;
    expect(again).toMatchObject({ license, kernelVersion, endian, externs });
  });

  it("gives maps of the old section a definition of today", () => {
    const again = open(writeObject(read("maps-iproute2.bpf.o")), { name: "maps-iproute2.bpf.o" });
    expect(again.btf).not.toBeNull();
    expect(again.maps.get("outer")).toMatchObject({
      inner: { name: "outer.inner" },
      slots: [
        { index: 0, target: "first" },
        { index: 3, target: "shared" },
      ],
    });
  });
});
