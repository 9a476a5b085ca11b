import { expect, it } from "vitest";
import { describeWith, groundtruth } from "../support/referee.ts";
import { tsbpf } from "./fake-io.ts";

const cases = groundtruth("bpf_conformance.json.gz");

interface Case {
  readonly name: string;
  readonly insns: string;
  readonly mem: string;
  readonly result: string | number;
  readonly error: string;
}

describeWith([cases], "vm", () => {
  it("passes bpf_conformance as its plugin: memory as a word, the program from standard input", async () => {
    const failed: string[] = [];
    const all = cases.json<Case[]>();
    expect(all.length).toBe(313);
    for (const { name, insns, mem, result, error } of all) {
      const { stdout, stderr, status } = await tsbpf(["vm", ...(mem === "" ? [] : [mem])], {
        stdin: `${insns}\n`,
      });
      const passed =
        error === ""
          ? status === 0 && BigInt(`0x${stdout.trim()}`) === BigInt(result)
          : status !== 0 && stdout === "" && stderr !== "";
      if (!passed) failed.push(`${name}: ${stdout}${stderr}`);
    }
    expect(failed).toEqual([]);
  });
});
