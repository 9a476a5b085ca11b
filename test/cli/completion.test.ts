import { readFileSync, writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { tsbpf } from "./fake-io.ts";

const FILES = { bash: "completions/tsbpf.bash", zsh: "completions/_tsbpf", fish: "completions/tsbpf.fish" };

describe("completion", () => {
  // What packagers install is what the command prints: TSBPF_BLESS=1 writes it anew.
  it.each(Object.entries(FILES))("%s is what %s has", async (shell, path) => {
    const { stdout, status } = await tsbpf(["completion", shell]);
    expect(status).toBe(0);
    if (process.env["TSBPF_BLESS"] !== undefined) writeFileSync(path, stdout);
    expect(readFileSync(path, "utf8")).toBe(stdout);
  });
});
