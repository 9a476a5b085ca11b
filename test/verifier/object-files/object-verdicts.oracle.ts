import { readdirSync, readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { expect, it } from "vitest";
import { TsbpfError } from "../../../src/base/index.ts";
import { Btf } from "../../../src/btf/index.ts";
import { type ObjectSpec, open } from "../../../src/object/index.ts";
import { BpfCommands } from "../../../src/sys/index.ts";
import { livePort } from "../../support/live-port.ts";
import { describeWith, fixture, liveKernel } from "../../support/referee.ts";
import { embeddedWithSymbolsOfThis } from "./embedded-judge.ts";
import { differenceOf, type VerdictOptions, verdictOf, whyLeftOut, whyNotHere } from "./object-verdicts.ts";

const vmlinux = fixture("/sys/kernel/btf/vmlinux");
const config = fixture("/proc/config.gz");
const FOLDERS = ["testdata/objects", "testdata/flow"];
const live = await livePort();

/** The object, or null where it is one that no loader takes. */
function opened(path: string): ObjectSpec | null {
  try {
    return open(new Uint8Array(readFileSync(path)), { name: path });
  } catch (error) {
    if (error instanceof TsbpfError) return null;
    throw error;
  }
}

describeWith([liveKernel("6.18"), vmlinux, config], "objects of testdata", () => {
  const kernelBtf = Btf.parse(vmlinux.bytes());
  const options: VerdictOptions = {
    kernelBtf,
    kconfig: gunzipSync(readFileSync(config.path)).toString("utf8"),
  };
  const ours = embeddedWithSymbolsOfThis(kernelBtf);
  const files = FOLDERS.flatMap((folder) =>
    readdirSync(folder).flatMap((name) => (name.endsWith(".bpf.o") ? [`${folder}/${name}`] : [])),
  );

  it.skipIf(live.port === null).each(files)("%s: verdicts, messages and counts are the kernel's", (file) => {
    const spec = opened(file);
    if (spec === null || spec.endian !== "little") return;
    const theirs = new BpfCommands(live.port!);
    const differing: string[] = [];
    for (const program of spec.programs.values()) {
      if (whyLeftOut(program) !== null) continue;
      const kernel = verdictOf(spec, program, theirs, options);
      if (whyNotHere(program, kernel, theirs) !== null) continue;
      const mine = verdictOf(spec, program, ours, options);
      const difference = differenceOf(mine, kernel);
      if (difference !== null)
        differing.push(`${program.name}: ${difference}: ${mine.message}|${kernel.message}`);
    }
    expect(differing).toEqual([]);
  });
});
