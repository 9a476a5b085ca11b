import { readFileSync } from "node:fs";
import { afterAll, describe, expect, it } from "vitest";
import { type LoadedObject, load } from "../../../src/loader/index.ts";
import { openLinux } from "../../../src/node/linux/open.ts";
import { type ObjectSpec, open } from "../../../src/object/index.ts";
import { mapInfo, progInfo } from "../../../src/sys/index.ts";
import { BpfMapType } from "../../../src/uapi/index.ts";
import { tsbpf } from "../../cli/fake-io.ts";
import { describeWith, liveKernel, referee } from "../../support/referee.ts";

const bpftool = referee("bpftool");
const version = bpftool.present ? bpftool.run(["version"]).stdout : "";
/** An older bpftool than this kernel knows no addresses of per-CPU data. */
const olderText = (text: string) =>
  / v7\.[0-4]\./.test(version) ? text.replaceAll(/&\(void __percpu \*\)\((r\d+)\)/g, "$1") : text;
/** Their elements cannot be listed: bpftool says so by its status alone, we say why. */
const KEYLESS: ReadonlySet<number> = new Set([
  BpfMapType.BLOOM_FILTER,
  BpfMapType.QUEUE,
  BpfMapType.STACK,
  BpfMapType.RINGBUF,
  BpfMapType.USER_RINGBUF,
  BpfMapType.SK_STORAGE,
  BpfMapType.TASK_STORAGE,
  BpfMapType.CGRP_STORAGE,
  BpfMapType.INODE_STORAGE,
]);

/** Objects with functions, source lines, maps of several kinds, values with types, and without any of it. */
const OBJECTS = [
  "objects/atomics",
  "objects/callbacks",
  "objects/data",
  "objects/functions",
  "objects/gcc-maps",
  "objects/maps-attributes",
  "objects/no-license.nodebug",
  "objects/packet-access",
  "flow/flow",
];
/** A larger one is not asked for: see the rules about dumps of the running kernel. */
const LARGEST = 4096;

/** An object that leaves nothing behind, and needs no file system for pins. */
function unpinned(spec: ObjectSpec): ObjectSpec {
  return { ...spec, maps: new Map([...spec.maps].map(([key, map]) => [key, { ...map, pinning: 0 }])) };
}

describeWith([bpftool, liveKernel()], "commands that look at the running kernel", async () => {
  const kernel = await openLinux();
  const { sys } = kernel;
  const kernelBtf = kernel.targetBtf()!;
  const loaded: LoadedObject[] = [];
  afterAll(() => {
    for (const each of loaded) each[Symbol.dispose]();
    kernel.close();
  });

  /** What both print, and that they end alike. */
  async function compare(...words: readonly string[]): Promise<void> {
    const theirs = bpftool.run(words);
    const ours = await tsbpf(words, { openKernel: openLinux });
    expect({ words, status: ours.status, stdout: olderText(ours.stdout), stderr: ours.stderr }).toEqual({
      words,
      status: theirs.status,
      stdout: theirs.stdout,
      stderr: theirs.stderr,
    });
  }

  describe.each(OBJECTS)("at %s", (name) => {
    const path = `testdata/${name}.bpf.o`;
    const object = load(unpinned(open(new Uint8Array(readFileSync(path)), { name: path })), sys, {
      kernelBtf,
    });
    loaded.push(object);

    it("print its programs as bpftool does", async () => {
      for (const { fd } of object.programs.values()) {
        const { id, xlatedProgInsns } = progInfo(sys, fd, ["xlatedProgInsns"]);
        expect(xlatedProgInsns.length).toBeLessThan(8 * LARGEST);
        for (const more of [[], ["opcodes"], ["linum"]])
          await compare("prog", "dump", "xlated", "id", `${id}`, ...more);
        for (const form of ["-j", "-p"]) await compare(form, "prog", "dump", "xlated", "id", `${id}`);
      }
    });

    it("print its maps as bpftool does", async () => {
      for (const { fd } of object.maps.values()) {
        const { id, type } = mapInfo(sys, fd);
        if (KEYLESS.has(type)) continue;
        for (const form of [[], ["-j"], ["-p"]]) await compare(...form, "map", "dump", "id", `${id}`);
      }
    });

    it("print its types as bpftool does", async () => {
      for (const { fd } of object.programs.values()) {
        const { btfId } = progInfo(sys, fd);
        if (btfId === 0) continue;
        for (const form of [[], ["-j"], ["-p"]]) await compare(...form, "btf", "dump", "id", `${btfId}`);
      }
    });
  });
});
