import { describe, expect, it } from "vitest";
import { explainLog } from "../../../src/verifier/explain/index.ts";

const TOO_LARGE = "BPF program is too large. Processed 1000001 insn";

/** A loop of an iterator in which a packet pointer is moved on. */
function iteratorLog(rounds: number, line: string): string {
  const lines = ["0: R1=ctx() R10=fp0", "0: (61) r9 = *(u32 *)(r1 +0) ; R9=pkt(r=0)"];
  for (let round = 1; round <= rounds; round++) {
    lines.push(
      "; if ((void *)(p + 1) > data_end) break; @ it.bpf.c:9",
      `14: (2d) if r9 > r8 goto pc+7 ; R8=pkt_end() R9=pkt(off=${round},r=${round})`,
      "; s += *p; @ it.bpf.c:10",
      "15: (71) r1 = *(u8 *)(r9 -1) ; R1=scalar(umax=255)",
      `16: (85) call bpf_iter_num_next#64263 ; R0=rdonly_mem(id=${round},ref_obj_id=1,sz=4)`,
      `; ${line} @ it.bpf.c:8`,
      `17: (07) r9 += 1 ; R9=pkt(off=${round + 1},r=${round})`,
      `18: (55) if r0 != 0x0 goto pc-5 ; R0=rdonly_mem(id=${round},ref_obj_id=1,sz=4)`,
    );
  }
  return `${lines.join("\n")}\n${TOO_LARGE}\nprocessed 1000001 insns (limit 1000000)\n`;
}

describe("a loop that moves a pointer on", () => {
  it("is told by that pointer, and has the address worked out from the counter", () => {
    for (const line of ["p++;", "bpf_for(i, 0, 100) {"]) {
      const { code, headline, why, cause, fixes } = explainLog(iteratorLog(40, line))!;
      expect(code).toBe("too-complex");
      expect(headline).toContain("moves p on in each round");
      expect(why[cause!]!.instruction).toBe(17);
      expect(why[cause!]!.text).toMatch(/^p \(R9\) goes from round to round.*pkt\(off=\d+/);
      expect(fixes).toHaveLength(1);
      expect(fixes[0]!.code).toContain("__u8 *p = data + i;\n\tif ((void *)(p + 1) > data_end)");
    }
  });
});

describe("a loop that counts", () => {
  it("gives bpf_loop a struct of a name that vmlinux.h does not have", () => {
    const lines = ["0: R1=ctx() R10=fp0", "1: (b7) r6 = 0 ; R6=0"];
    for (let round = 1; round <= 40; round++) {
      lines.push(`2: (07) r6 += 1 ; R6=${round}`, `3: (a5) if r6 < 0x1388 goto pc-2 ; R6=${round}`);
    }
    const { fixes } = explainLog(`${lines.join("\n")}\n${TOO_LARGE}\n`)!;
    expect(fixes.map(({ code }) => code).join("\n")).toContain("struct loop_ctx *loop)");
    expect(JSON.stringify(fixes)).not.toContain("struct state");
  });
});

describe("paths that a CPU only guesses", () => {
  it("are told as that, and not as rounds of the program", () => {
    const lines = ["0: R1=ctx() R10=fp0", "1: (b7) r6 = 0 ; R6=0"];
    for (let round = 1; round <= 10; round++) {
      lines.push(`2: (07) r6 += 1 ; R6=${round}`, `3: (a5) if r6 < 0xa goto pc-2 ; R6=${round}`);
    }
    lines.push(
      "",
      "from 3 to 2 (speculative execution): R1=ctx() R6=10 R10=fp0",
      "2: R6=10",
      "2: (07) r6 += 1 ; R6=11",
    );
    const { headline, why, fixes } = explainLog(`${lines.join("\n")}\n${TOO_LARGE}\n`)!;
    expect(headline).toContain("CAP_PERFMON");
    expect(why[0]).toMatchObject({ instruction: 3, role: "passed" });
    expect(fixes[0]!.code).toContain("cap_perfmon");
    expect(fixes[1]!.code).toContain("#pragma unroll");
    expect(JSON.stringify(why)).not.toContain("rounds");
  });
});
