import { describe, expect, it } from "vitest";
import { explainLog, parseLog } from "../../../src/verifier/explain/index.ts";

const TOO_LARGE = "BPF program is too large. Processed 1000001 insn";

/** The log of one path, as level 1 has it: a loop of so many rounds. */
function loopLog(rounds: number, body: (round: number) => readonly string[]): string {
  const lines = [
    "0: R1=ctx() R10=fp0",
    "0: (bf) r9 = r1 ; R1=ctx() R9=ctx()",
    "1: (b7) r6 = 0 ; R6=0",
    "2: (b7) r7 = 0 ; R7=0",
  ];
  for (let round = 1; round <= rounds; round++) {
    lines.push(
      ...body(round),
      "; for (int i = 0; i < 5000; i++) @ loop.bpf.c:12",
      `20: (07) r6 += 1 ; R6=${round}`,
      `21: (a5) if r6 < 0x1388 goto pc-19 ; R6=${round}`,
    );
  }
  return `${lines.join("\n")}\n${TOO_LARGE}\nprocessed 1000001 insns (limit 1000000) max_states_per_insn 4\n`;
}

describe("too-complex", () => {
  it("names the loop, its rounds and its counter", () => {
    const log = loopLog(40, () => ["3: (bf) r2 = r6", "4: (07) r2 += 7"]);
    const explanation = explainLog(log)!;
    expect(explanation.code).toBe("too-complex");
    expect(explanation.instruction).toMatchObject({ index: 21, operand: "R6" });
    expect(explanation.source).toMatchObject({ file: "loop.bpf.c", line: 12 });
    expect(explanation.why[explanation.cause!]!.text).toMatch(
      /^39 rounds on one path, of about 4 instructions; i \(R6\) is another number in each \(40 in the newest, and compared with 5,000\)/,
    );
    expect(explanation.fixes[0]!.code).toBe("bpf_for(i, 0, 5000) {\n\t…\n}");
  });

  it("names what keeps the paths of a loop apart: a number that branches change, known exactly", () => {
    const log = loopLog(40, (round) => [
      "; if (data[i] == 'a') @ loop.bpf.c:13",
      "3: (71) r3 = *(u8 *)(r8 +0) ; R3=scalar(smin=smin32=0,smax=umax=smax32=umax32=255,var_off=(0x0; 0xff))",
      "4: (15) if r3 == 0x61 goto pc+2 ; R3=scalar(smin=smin32=0,smax=umax=smax32=umax32=255,var_off=(0x0; 0xff))",
      "; flags += 3; @ loop.bpf.c:14",
      `5: (07) r7 += 3 ; R7=${3 * round}`,
      `6: (25) if r7 > 0x64 goto pc+20 ; R7=${3 * round}`,
    ]);
    const { why, cause, headline, fixes } = explainLog(log)!;
    expect(headline).toMatch(/^the branches in a loop make more paths/);
    expect(why[cause!]).toMatchObject({ instruction: 5, role: "lost" });
    expect(why[cause!]!.text).toMatch(
      /^R7 goes from round to round, known exactly .* instruction 6 depends on it/,
    );
    expect(why.some(({ instruction, text }) => instruction === 4 && /the paths double/.test(text))).toBe(
      true,
    );
    expect(fixes[0]!.code).toContain("__noinline int step");
  });

  it("names the line with most branches where there is no loop", () => {
    const lines = ["0: R1=ctx() R10=fp0"];
    for (let i = 0; i < 30; i++) {
      const line = i < 25 ? "if (bytes[i] == 0) @ u.bpf.c:9" : "if (x) @ u.bpf.c:20";
      lines.push(`; ${line}`, `${2 * i}: (71) r3 = *(u8 *)(r8 +${i}) ; R3=scalar(umax=255)`);
      lines.push(`${2 * i + 1}: (15) if r3 == 0x0 goto pc+1 ; R3=scalar(umax=255)`);
    }
    const { why, cause, instruction } = explainLog(`${lines.join("\n")}\n${TOO_LARGE}\n`)!;
    expect(instruction!.index).toBe(1);
    expect(why[cause!]!.text).toMatch(/at 25 branches of this line/);
    expect(why.at(-1)!.text).toMatch(/^this path has 30 branches/);
  });

  it("says what it can without a step of the program", () => {
    const explanation = explainLog(`${TOO_LARGE}\nprocessed 1000001 insns (limit 1000000)\n`)!;
    expect(explanation).toMatchObject({ code: "too-complex", instruction: null, why: [] });
  });
});

describe("stack-too-large", () => {
  const log = `func#0 @0
func#1 @3
func#2 @6
0: R1=ctx() R10=fp0
; int entry(struct __sk_buff *skb) @ s.bpf.c:20
0: (7b) *(u64 *)(r10 -104) = r1
; return middle(skb); @ s.bpf.c:22
1: (85) call pc+1
; static int middle(struct __sk_buff *skb) @ s.bpf.c:10
3: frame1: R1=ctx() R10=fp0
3: (7b) *(u64 *)(r10 -200) = r1
4: (85) call pc+1
; static int inner(struct __sk_buff *skb) @ s.bpf.c:2
6: frame2: R1=ctx() R10=fp0
6: (7b) *(u64 *)(r10 -256) = r1
7: (95) exit
combined stack size of 3 calls is 576. Too large
verification time 10 usec
stack depth 104+200+256
processed 8 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0
`;

  it("names the chain of calls, and what each function has", () => {
    const { headline, why, cause, instruction, message } = explainLog(log)!;
    expect(parseLog(log)).toMatchObject({ functions: [0, 3, 6], stackDepths: [104, 200, 256] });
    expect(headline).toMatch(/^3 functions, .* need 576 bytes of stack together, and may have 512$/);
    expect(instruction).toBeNull();
    expect(message).toBe("combined stack size of 3 calls is 576. Too large");
    expect(why.map(({ instruction: index, text }) => [index, text])).toEqual([
      [1, "entry has 104 bytes of stack (112, padded), and calls middle"],
      [4, "middle has 200 bytes of stack (208, padded), and calls inner"],
      [6, "inner has 256 bytes of stack: 576 in all"],
    ]);
    expect(why[cause!]!.instruction).toBe(6);
  });

  it("takes the names from the object where the log has no source", () => {
    const bare = log.replaceAll(/^; .*\n/gm, "");
    const functions = ["entry", "middle", "inner"].map((name, i) => ({ slot: 3 * i, name }));
    expect(explainLog(bare, { program: { functions } })!.why[0]!.text).toMatch(/^entry .* calls middle$/);
    expect(explainLog(bare)!.why[0]!.text).toMatch(/^the function at instruction 0 has/);
  });
});
