import { readdirSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { describeWith, fixture, referee } from "../support/referee.ts";
import { tsbpf } from "./fake-io.ts";

const bpftool = referee("bpftool");
const vmlinux = fixture("/sys/kernel/btf/vmlinux");
const FOLDER = "testdata/objects";
const OBJECTS = readdirSync(FOLDER)
  .filter((name) => name.endsWith(".o"))
  .map((name) => `${FOLDER}/${name}`);

async function same(words: readonly string[], ...ours: readonly string[]): Promise<void> {
  const theirs = bpftool.run(words);
  const outcome = await tsbpf([...words, ...ours]);
  // vitest prints megabytes where it may.
  expect(outcome.stdout === theirs.stdout, words.join(" ")).toBe(true);
  expect(outcome.status).toBe(theirs.status);
}

describeWith([bpftool, vmlinux], "btf dump of vmlinux, as the installed bpftool", () => {
  it.each([
    ["raw", []],
    ["C", ["format", "c"]],
  ])("%s", async (_, words) => {
    await same(["btf", "dump", "file", vmlinux.path, ...words], "--bpftool", "7.1");
  });
});

describeWith([bpftool], "btf dump of objects, as the installed bpftool", () => {
  // 7.1 calls a type that it does not know so; our version knows it.
  const known = OBJECTS.filter((path) => bpftool.run(["btf", "dump", "file", path]).status === 0);

  it.each(known)("%s", async (path) => {
    await same(["btf", "dump", "file", path]);
    await same(["-j", "btf", "dump", "file", path]);
    await same(["-p", "btf", "dump", "file", path]);
    await same(["btf", "dump", "file", path, "format", "c"], "--bpftool", "7.1");
  });
});

describeWith([bpftool], "messages and statuses, as the installed bpftool", () => {
  it.each([
    ["btf dump file /nonexistent"],
    ["-j btf dump file /nonexistent"],
    ["-p btf dump file /nonexistent"],
    ["btf dump foo bar"],
    [`btf dump file ${OBJECTS[0]} format xml`],
    [`-j btf dump file ${OBJECTS[0]} format c`],
    [`btf dump file ${OBJECTS[0]} foo`],
    ["prog dump foo id 1"],
    ["prog dump xlated id x"],
    ["prog dump xlated foo 1"],
    ["-j prog dump xlated id 99999999"],
    ["map dump id 99999999"],
    ["map dump foo 1"],
    ["map dump pinned /sys/fs/bpf/nothing-is-here"],
  ])("%s", async (line) => {
    const words = line.split(" ");
    const theirs = bpftool.run(words);
    const ours = await tsbpf(words, { env: { TSBPF_KERNEL: "embedded" } });
    expect(ours.stdout + ours.stderr).toBe(theirs.stdout + theirs.stderr);
    expect(ours.status).toBe(theirs.status);
  });

  it.each([["map dump"], ["prog dump xlated"]])(
    "%s: what is missing before the usage, which is all that bpftool says",
    async (line) => {
      const words = line.split(" ");
      const theirs = bpftool.run(words);
      const ours = await tsbpf(words);
      expect(theirs.stderr).toMatch(/^Usage: /);
      expect(ours.stderr).toMatch(/^Error: '\w+' needs at least 2 arguments, 0 found\nUsage: /);
      expect(ours.status).toBe(theirs.status);
    },
  );

  it.each([["btf dump"], ["btf dump file"], ["-x"]])(
    "%s: the same first line, and the status of a failure",
    async (line) => {
      const words = line.split(" ");
      const theirs = bpftool.run(words);
      const ours = await tsbpf(words);
      const first = (text: string) => text.split("\n")[0]!.replace(/^Usage: .*/, "Usage");
      expect(first(ours.stderr)).toBe(first(theirs.stderr));
      expect(ours.status).toBe(theirs.status);
    },
  );
});

describe("gen", () => {
  const objects = OBJECTS.filter((path) => /core-.*\.bpf\.o$/.test(path));

  it.skipIf(!bpftool.present || !vmlinux.present).each(objects)("min_core_btf for %s", async (path) => {
    const out = `/tmp/tsbpf-min-core-${process.pid}.btf`;
    const theirs = bpftool.run(["gen", "min_core_btf", vmlinux.path, out, path]);
    expect(theirs.status).toBe(0);
    const { files } = await tsbpf(["gen", "min_core_btf", vmlinux.path, "ours.btf", path]);
    expect(Buffer.compare(files.get("ours.btf")!, fixture(out).bytes())).toBe(0);
  });
});
