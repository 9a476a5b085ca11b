import { expect, it } from "vitest";
import { describeWith, referee } from "../support/referee.ts";

const bash = referee("bash");

describeWith([bash], "completion in bash", () => {
  /** What bash offers behind words; the last one is being typed. */
  function offered(...words: readonly string[]): string[] {
    const script = `
      source completions/tsbpf.bash
      COMP_WORDS=(tsbpf ${words.map((word) => `'${word}'`).join(" ")})
      COMP_CWORD=${words.length}
      cd /dev/fd 2>/dev/null; cd /proc/self/attr
      _tsbpf
      printf '%s\\n' "\${COMPREPLY[@]}"`;
    const { stdout, stderr } = bash.run(["--norc", "-c", script]);
    expect(stderr).toBe("");
    return stdout.split("\n").filter((word) => word !== "");
  }

  it.each([
    [[""], "btf"],
    [["b"], "btf"],
    [["btf", ""], "dump"],
    [["-j", "btf", "du"], "dump"],
    [["btf", "dump", "f"], "file"],
    [["btf", "dump", "file", "x", ""], "format"],
    [["btf", "dump", "file", "x", "format", ""], "raw"],
    [["prog", "dump", "xlated", "file", "x", "vis"], "visual"],
    [["prog", "dump", "--sv"], "--svg"],
    [["run", "--eng"], "--engine"],
    [["run", "--engine", ""], "jit"],
    [["disasm", "--style", "x"], "xlated"],
    [["--kernel", "e"], "embedded"],
    [["completion", "z"], "zsh"],
    [["help", "m"], "map"],
  ])("%j offers %s", (words, wanted) => {
    expect(offered(...words)).toContain(wanted);
  });

  it("offers nothing of a later version", () => {
    expect(offered("prog", "")).not.toContain("show");
    expect(offered("l")).toEqual([]);
  });
});
