import { describe, expect, it } from "vitest";
import { tsbpf } from "./fake-io.ts";

const OBJECT = "testdata/objects/maps-program-array.bpf.o";

describe("objects whose program arrays hold programs from the start", () => {
  it("one program of them is run, and its tail calls go where they should", async () => {
    const data = "0x".padEnd(2 + 2 * 64, "00");
    const { status, stdout, stderr } = await tsbpf(["-j", "run", OBJECT, "--prog", "entry", "--data", data]);
    expect(stderr).toBe("");
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ program: "entry", retval: 5 });
  });

  it("one program of them is shown, and no other", async () => {
    const { status, stdout } = await tsbpf(["prog", "dump", "xlated", "file", OBJECT, "name", "entry"]);
    expect(status).toBe(0);
    expect(stdout).toMatch(/^int entry\(/);
    expect(stdout).not.toMatch(/int (two|five)\(/);
  });

  it("their maps are shown", async () => {
    const { status, stdout } = await tsbpf(["map", "dump", "file", OBJECT]);
    expect(stdout).toMatch(/key: 02 00 00 00 {2}value:/);
    expect(status).toBe(0);
  });
});
