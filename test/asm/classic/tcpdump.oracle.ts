import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import { classicImage, parseClassic, printClassic } from "../../../src/asm/classic/index.ts";
import { ClassicMachine, classicProblem } from "../../../src/isa/index.ts";
import { anyInsn, shown } from "../../isa/classic/programs.ts";
import { describeWith, referee } from "../../support/referee.ts";
import { frames, numbersIn, pcapOf } from "./frames.ts";

const tcpdump = referee("tcpdump");
const python = referee("python3");
const FILTERS = readFileSync(new URL("../../../testdata/classic/filters.txt", import.meta.url), "utf8")
  .split("\n")
  .filter((line) => line !== "");
const STYLES = ["d", "dd", "ddd"] as const;

describeWith([tcpdump], "tcpdump", () => {
  const folder = mkdtempSync(join(tmpdir(), "tsbpf-classic-"));
  const capture = join(folder, "frames.pcap");
  const list = frames();
  beforeAll(() => writeFileSync(capture, pcapOf(list)));
  afterAll(() => rmSync(folder, { recursive: true }));

  const compile = (filter: string, style: string) => tcpdump.run(["-y", "EN10MB", `-${style}`, filter]);
  const accepted = FILTERS.filter((filter) => compile(filter, "d").status === 0);

  it("compiles most of the filters", () => {
    expect(accepted.length).toBeGreaterThan(85);
  });

  it.each(accepted)("%s: every form reads and prints as every other", (filter) => {
    const texts = STYLES.map((style) => compile(filter, style).stdout);
    const program = parseClassic(texts[1]!);
    expect(STYLES.map((style) => printClassic(program, style))).toEqual(texts);
    expect(parseClassic(texts[2]!)).toEqual(program);
    // libpcap leaves numbers of its own in fields that the instruction does not use, and -d does not show.
    expect(parseClassic(texts[0]!)).toEqual(program.map(shown));
  });

  // Only IPv6 protocol chains loop, which Linux refuses and libpcap's own machine allows.
  it.each(accepted.filter((filter) => !filter.includes("protochain")))(
    "%s: selects the same frames",
    (filter) => {
      const program = parseClassic(compile(filter, "dd").stdout);
      expect(classicProblem(program)).toBeNull();
      const machine = new ClassicMachine(program);
      const ours = list.flatMap((frame, number) => (machine.run(frame) === 0 ? [] : [number]));
      const theirs = tcpdump.bytes(["-r", capture, "-w", "-", filter]);
      expect(ours).toEqual(numbersIn(theirs));
    },
  );

  it("prints the loop of a protocol chain, and the checker refuses it", () => {
    const program = parseClassic(compile("ip6 protochain 6", "dd").stdout);
    expect(classicProblem(program)?.reason).toMatch(/leaves the program/);
    expect(printClassic(program, "d")).toBe(compile("ip6 protochain 6", "d").stdout);
  });
});

const PRINT_IMAGES = `
import ctypes, sys
class Insn(ctypes.Structure):
    _fields_ = [("code", ctypes.c_ushort), ("jt", ctypes.c_ubyte), ("jf", ctypes.c_ubyte), ("k", ctypes.c_uint)]
image = ctypes.CDLL("libpcap.so.0.8").bpf_image
image.restype = ctypes.c_char_p
for line in sys.stdin:
    n, code, jt, jf, k = map(int, line.split())
    print(image(ctypes.byref(Insn(code, jt, jf, k)), n).decode())
`;
const libpcap = {
  present: python.present && python.run(["-c", PRINT_IMAGES]).status === 0,
  why: "python3 with libpcap.so.0.8 is not installed",
};

describeWith([libpcap], "libpcap's bpf_image()", () => {
  // `ldx #pktlen` became known to it after 1.10.3.
  it("gives the same text for any instruction", () => {
    const given = [
      ...Array.from({ length: 0x120 }, (_, code) => ({ code, jt: 1, jf: 2, k: 0xffff_fff0 })),
      ...fc.sample(anyInsn, { numRuns: 20_000, seed: 1 }),
    ].filter(({ code }) => code !== 0x81);
    const input = given.map(({ code, jt, jf, k }, n) => `${n} ${code} ${jt} ${jf} ${k}\n`).join("");
    const theirs = python.run(["-c", PRINT_IMAGES], { input }).stdout.split("\n").slice(0, -1);
    expect(given.map((insn, n) => classicImage(insn, n))).toEqual(theirs);
  });
});
