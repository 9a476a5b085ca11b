import { expect, it } from "vitest";
import { bytesOfHex } from "../../src/base/index.ts";
import { dotGraph } from "../../src/cfg/index.ts";
import { decode } from "../../src/isa/index.ts";
import { describeWith, golden, referee } from "../support/referee.ts";
import { listingOf } from "./listing.ts";
import { ladder } from "./programs.ts";

const dot = referee("dot");
const info = golden("raw/prog_info.json");
const listing = golden("bpftool-7.8/xlated_opcodes_linum.txt");

describeWith([dot], "Graphviz", () => {
  it("draws a graph of ours", () => {
    const graph = dotGraph(ladder(20), { insn: (slot) => `insn <${slot}> | &` });
    const { status, stdout, stderr } = dot.run(["-Tsvg"], { input: graph });
    expect(stderr).toBe("");
    expect(status).toBe(0);
    expect(stdout).toContain("insn &lt;40&gt; | &amp;");
  });
});

describeWith([dot, info, listing], "Graphviz and a real program", () => {
  it("draws all functions with all blocks", () => {
    const insns = decode(bytesOfHex(info.json<{ xlated: string }>().xlated)!);
    const graph = dotGraph(insns, listingOf(listing.text(), { linum: true, opcodes: true }));
    const { status, stdout, stderr } = dot.run(["-Tsvg"], { input: graph });
    expect(stderr).toBe("");
    expect(status).toBe(0);
    expect(stdout.match(/<title>fn_\d+_bb_\d+<\/title>/g)?.length).toBe(26);
    expect(stdout).toContain("cluster_1");
  });
});
