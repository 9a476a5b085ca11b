import { readdirSync } from "node:fs";
import { beforeAll, expect, it } from "vitest";
import type { OpenKernel } from "../../src/cli/index.ts";
import { EmbeddedKernel } from "../../src/kernel/index.ts";
import { load } from "../../src/loader/index.ts";
import { open } from "../../src/object/index.ts";
import { describeWith, golden } from "../support/referee.ts";
import { type Outcome, tsbpf } from "./fake-io.ts";

/**
 * The commands that recorded bpftool's outputs, on an embedded kernel in the state that Linux was in: the same object
 * loaded, with the same first ids, its program run five times.
 */
const demo = golden("input/demo.bpf.o");
const PINS = "/sys/fs/bpf/golden";

function kernelAsRecorded(): OpenKernel {
  const sys = new EmbeddedKernel({
    cpus: 2,
    seed: 1,
    firstIds: { programs: 8910, maps: 5560, btfs: 596 },
  });
  const object = load(open(demo.bytes(), { name: "demo.bpf.o" }), sys);
  sys.port.makeDirectory(PINS);
  for (const { name, fd } of object.programs.values()) sys.objPin({ pathname: `${PINS}/${name}`, bpfFd: fd });
  for (const [key, { fd }] of object.maps) {
    const name = key.startsWith(".") ? `demo_${key.slice(1)}` : key;
    sys.objPin({ pathname: `${PINS}/${name}`, bpfFd: fd });
  }
  sys.progTestRun({
    progFd: object.programs.get("count")!.fd,
    dataIn: golden("input/pkt.bin").bytes(),
    repeat: 5,
  });
  return {
    sys,
    fault: () => null,
    isRefused: () => false,
    tracePipe: () => "",
    targetBtf: () => null,
    close: () => {},
  };
}

/** A recorded file: the words after `bpftool`, and everything below as it was. */
function recorded(file: string): {
  readonly words: string[];
  readonly text: string;
  readonly status: number;
} {
  const lines = golden(file).text().split("\n");
  const words = lines[0]!.replace(/^\$ bpftool /, "").split(" ");
  const status = Number(/^\[rc=(\d+)\]$/.exec(lines.at(-2)!)?.[1]);
  const body = lines.slice(1, -2);
  return { words, text: body.length === 0 ? "" : `${body.join("\n")}\n`, status };
}

/** libbpf had made a map (5563) to find out whether the kernel has data sections; ours asks in another way. */
function withoutProbe(text: string): string {
  return text.replaceAll(/\b556[456]\b/g, (id) => String(Number(id) - 1));
}

/** What needs no address and no size of Linux itself. */
const SAME: readonly string[] = demo.present
  ? [
      ...["btf_dump_raw", "btf_dump_c", "btf_dump_c_unsorted", "btf_dump_root", "map_dump_flows"].map(
        (name) => `bpftool-7.8/${name}.txt`,
      ),
      ...["xlated_visual_p", "xlated_opcodes_linum_visual_p"].map((name) => `bpftool-7.8/${name}.txt`),
      ...["btf_dump_raw", "btf_dump_raw_j", "btf_dump_map_kv"].map((name) => `bpftool-7.1/${name}.txt`),
      ...readdirSync("../shared/golden/bpftool-7.1")
        .filter((name) => /^map_dump_/.test(name))
        .map((name) => `bpftool-7.1/${name}`),
    ]
  : [];

describeWith([demo], "bpftool's recorded outputs", () => {
  let kernel: OpenKernel;
  const run = (words: readonly string[]): Promise<Outcome> =>
    tsbpf(["--kernel", "embedded", ...words], { openKernel: async () => kernel });

  beforeAll(() => {
    kernel = kernelAsRecorded();
  });

  it.each(SAME)("%s", async (file) => {
    const { words, text, status } = recorded(file);
    const outcome = await run(words);
    expect(outcome.stderr).toBe("");
    expect(outcome.stdout).toBe(text);
    expect(outcome.status).toBe(status);
  });

  it("bpftool-7.1/btf_dump_file_raw.txt", async () => {
    const { text } = recorded("bpftool-7.1/btf_dump_file_raw.txt");
    const { stdout } = await tsbpf(["btf", "dump", "file", "demo.bpf.o"], {
      files: { "demo.bpf.o": demo.bytes() },
    });
    expect(stdout).toBe(text);
  });

  it("bpftool-7.1/btf_show.txt and its JSON, but for libbpf's own map", async () => {
    for (const name of ["btf_show", "btf_show_p"]) {
      const { words, text } = recorded(`bpftool-7.1/${name}.txt`);
      expect((await run(words)).stdout).toBe(withoutProbe(text));
    }
  });

  it("bpftool-7.1/err_badid*.txt, by a command of this version", async () => {
    for (const [name, options] of [
      ["err_badid", []],
      ["err_badid_j", ["-j"]],
      ["err_badid_p", ["-p"]],
    ] as const) {
      const { text, status } = recorded(`bpftool-7.1/${name}.txt`);
      const outcome = await run([...options, "prog", "dump", "xlated", "id", "99999999"]);
      expect(outcome.stdout + outcome.stderr).toBe(text);
      expect(outcome.status).toBe(status);
    }
  });

  // Calls are distances in a kernel's text: they differ between any two builds of Linux. The name of a subprogram is
  // that of its machine code, which an interpreter has none of.
  it.each(["xlated_plain", "xlated_linum", "xlated_plain_p", "xlated_visual"])(
    "bpftool-7.8/%s.txt, but for the addresses of calls",
    async (name) => {
      const { words, text } = recorded(`bpftool-7.8/${name}.txt`);
      const masked = (listing: string) =>
        listing.replaceAll(/(call \w+#)-?\d+/g, "$1N").replaceAll(/(call pc[+-]\d+)#\w+/g, "$1");
      expect(masked((await run(words)).stdout)).toBe(masked(withoutProbe(text)));
    },
  );
});
