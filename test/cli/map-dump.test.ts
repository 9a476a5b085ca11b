import { describe, expect, it } from "vitest";
import type { OpenKernel } from "../../src/cli/index.ts";
import { EmbeddedKernel } from "../../src/kernel/index.ts";
import { Errno, mapInfo } from "../../src/sys/index.ts";
import { BpfMapType, Errno as E } from "../../src/uapi/index.ts";
import { tsbpf } from "./fake-io.ts";

const SEVERAL = "testdata/objects/maps-attributes.bpf.o";
const KEYLESS = "a map of this type has no keys to list its elements by";

const kernelWith = (sys: EmbeddedKernel): OpenKernel => ({
  sys,
  fault: () => null,
  isRefused: () => false,
  tracePipe: () => "",
  targetBtf: () => null,
  close: () => {},
});

interface Dumped {
  readonly name: string;
  readonly elements?: readonly object[];
  readonly error?: string;
}

describe("map dump file", () => {
  it("shows the maps that can be shown, and says which cannot and why", async () => {
    const { status, stdout, stderr } = await tsbpf(["map", "dump", "file", SEVERAL]);
    expect(stdout).toMatch(/^1: percpu_array {2}name scratch/);
    expect(stdout).toContain("Found 4 elements\n\n3: hash  name typed");
    for (const name of ["stacks", "routes"])
      expect(stdout).toMatch(new RegExp(`name ${name}.*\nFound 0 elements`));
    expect(stderr.split("\n")).toEqual([
      `not shown: bloom (bloom_filter): ${KEYLESS}`,
      `not shown: ring (ringbuf): ${KEYLESS}`,
      `not shown: storage (task_storage): ${KEYLESS}`,
      "",
    ]);
    expect(status).toBe(0);
  });

  it("says so in JSON with each map", async () => {
    const { status, stdout, stderr } = await tsbpf(["-j", "map", "dump", "file", SEVERAL]);
    const maps = JSON.parse(stdout) as Dumped[];
    expect(maps.find(({ name }) => name === "ring")).toMatchObject({ type: "ringbuf", error: KEYLESS });
    expect(maps.find(({ name }) => name === "pinned")!.elements).toHaveLength(4);
    expect(maps.filter(({ error, elements }) => (error === undefined) === (elements === undefined))).toEqual(
      [],
    );
    expect([status, stderr]).toEqual([0, ""]);
  });

  it("fails where the one map that was asked for cannot be shown", async () => {
    const asked = ["map", "dump", "file", SEVERAL, "name", "ring"];
    expect(await tsbpf(asked)).toMatchObject({
      status: 255,
      stdout: "",
      stderr: `Error: ring (ringbuf): ${KEYLESS}\n`,
    });
    const { status, stdout } = await tsbpf(["-j", ...asked]);
    expect([status, JSON.parse(stdout)]).toEqual([255, { error: `ring (ringbuf): ${KEYLESS}` }]);
  });

  it.each([
    ["RINGBUF", 0, 0, 4096],
    ["QUEUE", 0, 4, 4],
    ["STACK", 0, 4, 4],
    ["BLOOM_FILTER", 0, 4, 4],
  ] as const)("%s", async (type, keySize, valueSize, maxEntries) => {
    const sys = new EmbeddedKernel({ execute: false });
    sys.mapCreate({ mapType: BpfMapType[type], keySize, valueSize, maxEntries, mapName: "alone" });
    const { status, stderr } = await tsbpf(["--kernel", "embedded", "map", "dump", "name", "alone"], {
      openKernel: async () => kernelWith(sys),
    });
    expect([status, stderr]).toEqual([255, `Error: alone (${type.toLowerCase()}): ${KEYLESS}\n`]);
  });

  it("fails, and shows the others, where a kernel refuses one map", async () => {
    class Refusing extends EmbeddedKernel {
      override mapGetNextKey(args: Parameters<EmbeddedKernel["mapGetNextKey"]>[0]): Uint8Array | null {
        if (mapInfo(this, args.mapFd).id === 1) throw new Errno(E.EPERM, "BPF_MAP_GET_NEXT_KEY");
        return super.mapGetNextKey(args);
      }
    }
    const sys = new Refusing();
    const shape = { mapType: BpfMapType.ARRAY, keySize: 4, valueSize: 4, maxEntries: 1, mapName: "twin" };
    sys.mapCreate(shape);
    sys.mapCreate(shape);
    const { status, stdout, stderr } = await tsbpf(["--kernel", "embedded", "map", "dump", "name", "twin"], {
      openKernel: async () => kernelWith(sys),
    });
    expect(stdout).toMatch(/^2: array {2}name twin .*\nkey: 00 00 00 00 /);
    expect([status, stderr]).toEqual([255, "not shown: twin (array): Operation not permitted\n"]);
  });
});
