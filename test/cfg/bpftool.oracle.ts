import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { dotGraph } from "../../src/cfg/index.ts";
import { decode } from "../../src/isa/index.ts";
import { describeWith, liveKernel, referee } from "../support/referee.ts";

const bpftool = referee("bpftool");
const clang = referee("clang", "clang-14");
const unshare = referee("unshare");
const kernel = liveKernel();

/** Functions that call each other against their order, loops, early returns, a switch and a chain of conditions. */
const SOURCE = `
typedef unsigned int u32;
struct __sk_buff { u32 len, pkt_type, mark, queue_mapping, protocol; };
#define SEC(name) __attribute__((section(name), used))
static __attribute__((noinline)) int third(u32 a) { if (a > 5) return a * 3; if (a & 1) return 7; return a; }
static __attribute__((noinline)) int first(u32 a, u32 b);
static __attribute__((noinline)) int second(u32 a) {
  u32 sum = 0;
  for (u32 i = 0; i < 8; i++) { if (a & (1u << i)) sum += third(i + a); else if (sum > 40) break; }
  return sum;
}
static __attribute__((noinline)) int first(u32 a, u32 b) {
  switch (a & 7) { case 0: return second(b); case 1: return 9; case 3: return third(b) + 1; case 6: return -1; }
  return b > 100 ? second(a) : 4;
}
SEC("socket") int calls(struct __sk_buff *skb) {
  if (skb->len < 20) return 0;
  return first(skb->mark, skb->protocol) + second(skb->pkt_type);
}
SEC("socket") int plain(struct __sk_buff *skb) { return skb->len; }
SEC("socket") int branches(struct __sk_buff *skb) {
  volatile u32 x = skb->len;
  if (x == 1 || x == 3 || (x > 10 && x < 20)) { if (skb->mark) return 1; x++; }
  for (u32 i = 0; i < 5; i++) if (x == i * 3) return i;
  return x != 7;
}
char licence[] SEC("license") = "GPL";
`;

/** What a graph consists of, without the listings: those of the installed version are laid out differently. */
function skeleton(graph: string): string[] {
  return graph
    .split("\n")
    .filter((line) => /^subgraph|^\tlabel=|^\tfn_\d+_bb_\d+ \[shape=|:s -> fn_/.test(line))
    .map((line) => line.replace(/label="\{.*$/, ""));
}

const PROGRAMS = ["calls", "plain", "branches"];

/** In a mount namespace with a bpffs of its own, whose end unloads the programs: bytes and graph of each. */
const DUMP = `
set -e
mkdir fs
mount -t bpf bpf fs
"$BPFTOOL" prog loadall graphs.o fs/programs
for name in ${PROGRAMS.join(" ")}; do
  "$BPFTOOL" prog dump xlated pinned fs/programs/$name file $name.bin
  "$BPFTOOL" prog dump xlated pinned fs/programs/$name visual > $name.dot
done
`;

describeWith([bpftool, clang, unshare, kernel], "bpftool's graphs of programs on the live kernel", () => {
  const folder = mkdtempSync(join(tmpdir(), "tsbpf-cfg-"));
  afterAll(() => rmSync(folder, { recursive: true }));

  it("have the same functions, blocks and edges", () => {
    writeFileSync(join(folder, "graphs.c"), SOURCE);
    const compiled = clang.run(["-O2", "-target", "bpf", "-c", "graphs.c", "-o", "graphs.o"], {
      cwd: folder,
    });
    expect(compiled.stderr).toBe("");
    const options = { cwd: folder, env: { BPFTOOL: bpftool.path } };
    const dumped = unshare.run(["--mount", "sh", "-c", DUMP], options);
    expect(dumped.status, dumped.stderr).toBe(0);
    for (const name of PROGRAMS) {
      const insns = decode(new Uint8Array(readFileSync(join(folder, `${name}.bin`))));
      const theirs = skeleton(readFileSync(join(folder, `${name}.dot`), "utf8"));
      expect(skeleton(dotGraph(insns, { insn: () => "" }))).toEqual(theirs);
      expect(theirs.length).toBeGreaterThan(4);
      if (name === "calls") expect(theirs.filter((line) => line.startsWith("subgraph")).length).toBe(4);
    }
  });
});
