import { describe, expect, it } from "vitest";
import { assemble, disasm, verifierLogText, verifierSourceLine } from "../../../src/asm/index.ts";
import { bytesOfHex } from "../../../src/base/index.ts";
import { decode, encode, isWide } from "../../../src/isa/index.ts";
import { book, describeWith, groundtruth } from "../../support/referee.ts";

const listing = book("p30-bytecode.txt");
const bytes = book("p30-insns.hex");
describeWith([listing, bytes], "the book's listing", () => {
  const text = listing.text();
  const lines = text.slice(text.indexOf("0: (bf)"));

  it("assembles to its bytes and prints back", () => {
    const { insns } = assemble(lines);
    expect(encode(insns)).toEqual(bytesOfHex(bytes.text()));
    const names: Record<number, string> = { 8: "bpf_get_smp_processor_id", 25: "bpf_perf_event_output" };
    for (const match of lines.matchAll(/call (\w+)#(\d+)/g)) names[Number(match[2])] = match[1]!;
    expect(
      verifierLogText(decode(bytesOfHex(bytes.text())!), { helperName: (id) => names[id] }).trimEnd(),
    ).toBe(lines.trimEnd());
  });
});

const cases = groundtruth("verifier-cases.json.gz");
const logs = groundtruth("verifier-logs.json.gz");
describeWith([cases, logs], "the logs of Linux 6.18", () => {
  const logOf = logs.json<Record<string, string>>();
  const helpers = new Map<number, string>();
  for (const log of Object.values(logOf)) {
    for (const match of log.matchAll(/\(85\) call (bpf_\w+)#(\d+)/g))
      helpers.set(Number(match[2]), match[1]!);
  }

  it("have our text for every instruction", () => {
    let compared = 0;
    for (const { id, insns: hex } of cases.json<{ id: number; insns: string }[]>()) {
      const insns = decode(bytesOfHex(hex)!);
      // The table of live registers lists the whole program: "     12: 0........9 (04) w9 += 1".
      for (const match of (logOf[id] ?? "").matchAll(/^ *(\d+): [0-9.]{10} (\([0-9a-f]{2}\) .*)$/gm)) {
        const slot = Number(match[1]);
        const insn = insns[slot]!;
        const ours = disasm(insns, slot, { helperName: (helper) => helpers.get(helper) });
        // Maps and kernel functions were put in by the loader: addresses and ids of that machine.
        const local = (isWide(insn) && insn.src !== 0) || (insn.opcode === 0x85 && insn.src === 2);
        const blur = (text: string) => (local ? text.replace(/0x[0-9a-f]+$|call .*$/, "") : text);
        expect([id, slot, blur(ours)]).toEqual([id, slot, blur(match[2]!)]);
        compared++;
      }
    }
    expect(compared).toBeGreaterThan(5000);
  });
});

describe("verifierLogText", () => {
  it("prints source lines with the file's last name", () => {
    expect(verifierSourceLine({ text: "\tif (!st)", file: "/a/b/demo.bpf.c", line: 60, column: 1 })).toBe(
      "; if (!st) @ demo.bpf.c:60",
    );
  });

  it("prints what is malformed as Linux does", () => {
    const print = (hex: string) => verifierLogText(decode(bytesOfHex(hex)!)).trimEnd();
    expect(print("3700020005000000")).toBe("0: (37) r0 /= 5");
    expect(print("d400000018000000")).toBe("0: (d4) r0 = le24 r0");
    expect(print("db12000002000000")).toBe("0: BUG_db");
    expect(print("2012000000000000")).toBe("0: (20) r0 = *(u32 *)skb[0]");
    expect(print("2112000000000000")).toBe("0: BUG_ldx_21");
    expect(print("c200000000000000")).toBe("0: (c2) nospec");
    expect(print("0000000000000000")).toBe("0: BUG_ld_00");
    expect(print("8530000007000000")).toBe("0: (85) call unknown#7");
  });

  it("reads back a log with states", () => {
    const log = `func#0 @0
Live regs before insn:
  0: .......... (b7) r0 = 0
0: R1=ctx() R10=fp0
; int x = 0; @ a.c:3
0: (b7) r0 = 0                        ; R0_w=0
1: (15) if r0 == 0x0 goto pc+0        ; R0_w=0
2: R0=0 R1=ctx() R10=fp0
2: (95) exit
processed 3 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0
`;
    expect(assemble(log).insns.map((insn) => insn.opcode)).toEqual([0xb7, 0x15, 0x95]);
  });
});
