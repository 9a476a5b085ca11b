import { expect, it } from "vitest";
import { bytesOfHex } from "../../src/base/index.ts";
import { Btf } from "../../src/btf/index.ts";
import { parseSymbols } from "../../src/cli/kernel-symbols.ts";
import { dumpGraph, dumpJson, dumpText } from "../../src/cli/xlated-dump.ts";
import { XlatedProgram } from "../../src/cli/xlated-program.ts";
import { describeWith, golden } from "../support/referee.ts";

const recorded = golden("raw/prog_info.json");

/** What Linux 6.18 said of a program, with its types and symbols. */
function recordedProgram(): XlatedProgram {
  const info = recorded.json<Record<string, string & number>>();
  const bytes = (name: string) => bytesOfHex(info[name]!)!;
  return new XlatedProgram(
    {
      xlatedProgInsns: bytes("xlated"),
      funcInfo: bytes("func_info"),
      funcInfoRecSize: info["func_info_rec"]!,
      lineInfo: bytes("line_info"),
      lineInfoRecSize: info["line_info_rec"]!,
      jitedKsyms: new BigUint64Array(bytes("jited_ksyms").slice().buffer),
    },
    Btf.parse(golden("raw/btf.bin").bytes()),
    parseSymbols(golden("raw/kallsyms.txt").text()),
  );
}

/** What bpftool 7.8 printed, without the command and the status. */
function output(name: string): string {
  return golden(`bpftool-7.8/${name}.txt`).text().split("\n").slice(1, -2).join("\n");
}

describeWith([recorded], "prog dump xlated of a recorded program", () => {
  const plain = { opcodes: false, linum: false };
  const both = { opcodes: true, linum: true };

  it.each([
    ["xlated_plain", plain],
    ["xlated_opcodes", { ...plain, opcodes: true }],
    ["xlated_linum", { ...plain, linum: true }],
    ["xlated_opcodes_linum", both],
  ])("%s", (name, options) => {
    expect(dumpText(recordedProgram(), options)).toBe(`${output(name)}\n`);
  });

  it.each([
    ["xlated_plain_p", plain],
    ["xlated_opcodes_p", { ...plain, opcodes: true }],
    ["xlated_linum_p", { ...plain, linum: true }],
    ["xlated_opcodes_linum_p", both],
  ])("%s", (name, options) => {
    expect(dumpJson(recordedProgram(), options, true)).toBe(output(name));
  });

  it.each([
    ["xlated_visual", plain],
    ["xlated_opcodes_linum_visual", both],
  ])("%s", (name, options) => {
    expect(dumpGraph(recordedProgram(), options)).toBe(`${output(name)}\n`);
  });

  it("shows addresses where the kernel hides its symbols", () => {
    const info = recorded.json<Record<string, string & number>>();
    const program = new XlatedProgram(
      {
        xlatedProgInsns: bytesOfHex(info["xlated"]!)!,
        funcInfo: new Uint8Array(0),
        funcInfoRecSize: 8,
        lineInfo: new Uint8Array(0),
        lineInfoRecSize: 16,
        jitedKsyms: new BigUint64Array(0),
      },
      null,
      parseSymbols("0000000000000000 T __bpf_call_base\n0000000000000000 t x\n"),
    );
    const text = dumpText(program, plain);
    expect(text).toContain("call 0x50c70#330864");
    expect(text).toContain("(85) call pc+24\n");
    expect(text).not.toContain(";");
  });
});
