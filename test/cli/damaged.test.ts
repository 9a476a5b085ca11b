import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { tsbpf } from "./fake-io.ts";

const OBJECT = new Uint8Array(readFileSync("testdata/objects/functions.bpf.o"));
const CAPTURE = new Uint8Array(readFileSync("testdata/flow/traffic.pcapng")).subarray(0, 2000);
const RUNS = Number(process.env["TSBPF_CLI_FUZZ_RUNS"] ?? 60);

/** Bytes of a file overwritten in places, or cut. */
function damaged(file: Uint8Array): fc.Arbitrary<Uint8Array> {
  const change = fc.tuple(fc.nat(file.length - 1), fc.constantFrom(0, 1, 0x7f, 0x80, 0xff, 0x18, 0x85));
  return fc
    .tuple(fc.array(change, { minLength: 1, maxLength: 8 }), fc.option(fc.nat(file.length), { freq: 4 }))
    .map(([changes, length]) => {
      const copy = file.slice();
      for (const [at, value] of changes) copy[at] = value;
      return length === null ? copy : copy.subarray(0, length);
    });
}

/** A status of 70 would be a bug of ours. */
async function ends(argv: readonly string[], files: Readonly<Record<string, Uint8Array>>): Promise<void> {
  const { status, stderr, stdout } = await tsbpf(argv, { files });
  expect([0, 255, 95, 195], `${argv.join(" ")}: ${stderr}${stdout.slice(-200)}`).toContain(status);
}

describe("damaged files", () => {
  it.each([
    ["btf dump file x.o"],
    ["-j btf dump file x.o"],
    ["btf dump file x.o format c"],
    ["disasm x.o"],
    ["disasm --style llvm x.o"],
    ["prog dump xlated file x.o linum"],
    ["prog dump xlated file x.o name first visual"],
    ["map dump file x.o"],
    ["run x.o --prog first --data 0000000000000000000000000000000000000000"],
    ["gen object y.o x.o"],
    ["gen min_core_btf x.o y.btf x.o"],
  ])(
    "%s ends with a message",
    async (line) => {
      await fc.assert(
        fc.asyncProperty(damaged(OBJECT), async (bytes) => ends(line.split(" "), { "x.o": bytes })),
        { numRuns: RUNS },
      );
    },
    120_000,
  );

  it("run --pcap ends with a message", async () => {
    const argv = ["run", "testdata/flow/flow.bpf.o", "--pcap", "x.pcapng"];
    await fc.assert(
      fc.asyncProperty(damaged(CAPTURE), async (bytes) => ends(argv, { "x.pcapng": bytes })),
      { numRuns: RUNS },
    );
  });

  it("asm, disasm and vm end with a message on any text", async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: "binary", maxLength: 200 }), async (text) => {
        const bytes = new TextEncoder().encode(text);
        await ends(["asm", "--hex", "x"], { x: bytes });
        await ends(["asm", "--hex", "--dialect", "ubpf", "x"], { x: bytes });
        await ends(["asm", "--hex", "--dialect", "classic", "x"], { x: bytes });
        await ends(["disasm", "x"], { x: bytes });
        await ends(["vm", "--program", text.startsWith("-") ? "0" : text], {});
      }),
      { numRuns: RUNS * 3 },
    );
  });
});

describe("messages", () => {
  it("do not steer the terminal with what they quote", async () => {
    const stdin = "r0 = \x1b]0;title\x07 5\n\u009bJ\texit\n";
    for (const argv of [["asm"], ["run", "no\x1b[31mfile"]]) {
      const { stderr } = await tsbpf(argv, { stdin });
      expect(stderr).toContain("\ufffd");
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
      expect(stderr).not.toMatch(/[\x00-\x08\x0b-\x1f\x7f-\x9f]/);
    }
  });
});
