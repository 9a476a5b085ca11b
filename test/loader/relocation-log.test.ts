import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { EmbeddedKernel } from "../../src/kernel/index.ts";
import { LoadError, load } from "../../src/loader/index.ts";
import { open } from "../../src/object/index.ts";

describe("the log of a program with a relocation that found nothing", () => {
  it("names it, as libbpf does", () => {
    const spec = open(new Uint8Array(readFileSync("testdata/objects/core-missing.bpf.o")), { name: "core" });
    const kernel = new EmbeddedKernel();
    let log = "";
    try {
      load(spec, kernel, { autoload: ({ name }) => name === "missing" }).close();
    } catch (error) {
      if (!(error instanceof LoadError)) throw error;
      log = error.log;
    }
    expect(log).toMatch(
      /^\d+: <invalid CO-RE relocation>\nfailed to resolve CO-RE relocation <byte_off> \[\d+\] struct task_struct\.nope$/m,
    );
    expect(log).not.toContain("195896080");
  });
});
