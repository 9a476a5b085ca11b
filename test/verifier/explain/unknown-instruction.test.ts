import { describe, expect, it } from "vitest";
import { explainLog } from "../../../src/verifier/explain/index.ts";

const explained = (line: string) =>
  explainLog(`${line}\nprocessed 0 insns (limit 1000000) max_states_per_insn 0 total_states 0\n`, {
    refused: true,
  });

describe("an unknown instruction", () => {
  it("that calls through a pointer is what clang makes without optimization", () => {
    const explanation = explained("unknown opcode 8d");
    expect(explanation?.code).toBe("unknown-instruction");
    expect(explanation?.headline).toBe("a function is called through a pointer");
    expect(explanation?.fixes[0]).toMatchObject({ code: "clang -O2 -g -target bpf -c prog.bpf.c" });
  });

  it.each(["unknown opcode db", "invalid BPF_ALU opcode f0", "unknown insn class 7"])("%s", (line) => {
    const explanation = explained(line);
    expect(explanation?.code).toBe("unknown-instruction");
    expect(explanation?.fixes[0]).toMatchObject({ code: "clang -O2 -g -target bpf -mcpu=v2 -c prog.bpf.c" });
  });
});
